using OpsPlatform.Identity.Sessions;
using OpsPlatform.ServiceDefaults.Http;
using OpsPlatform.ServiceDefaults.Idempotency;

namespace OpsPlatform.Identity.Users;

internal static class UserEndpoints
{
    public static void MapUsers(this IEndpointRouteBuilder app)
    {
        var users = app.MapApi("/identity").WithTags("users").NeverStored();

        users.MapPost("/register", Register.Handle).AllowAnonymous()
            .WithoutIdempotencyKey("The answer holds tokens, which are kept nowhere. Sent again it finds the e-mail address taken: log in.");
        users.MapGet("/me", GetMe.Handle);
    }
}
