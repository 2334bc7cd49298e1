using OpsPlatform.ServiceDefaults.Auth;
using OpsPlatform.ServiceDefaults.Http;

namespace OpsPlatform.Orders.Menu;

internal static class MenuEndpoints
{
    public static void MapMenu(this WebApplication app)
    {
        var menu = app.MapApi("/menu");
        menu.MapGet("/", ListMenu.Handle);
        menu.MapGet("/{id:guid}", GetMenuItem.Handle);
        menu.MapPost("/", CreateMenuItem.Handle).RequireAuthorization(Roles.Admin);
        menu.MapPut("/{id:guid}", ChangeMenuItem.Handle).RequireAuthorization(Roles.Admin);
        menu.MapDelete("/{id:guid}", DeleteMenuItem.Handle).RequireAuthorization(Roles.Admin);
    }
}
