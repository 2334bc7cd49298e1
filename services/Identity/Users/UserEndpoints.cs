using OpsPlatform.Identity.Sessions;
using OpsPlatform.ServiceDefaults.Http;

namespace OpsPlatform.Identity.Users;

internal static class UserEndpoints
{
    public static void MapUsers(this IEndpointRouteBuilder app)
    {
        var users = app.MapApi("/identity").WithTags("users").NeverStored();

        users.MapPost("/register", Register.Handle).AllowAnonymous();
        users.MapGet("/me", GetMe.Handle);
    }
}
