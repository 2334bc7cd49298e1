using Microsoft.AspNetCore.Identity.EntityFrameworkCore;
using OpsPlatform.Identity.Audit;
using OpsPlatform.Identity.Clients;
using OpsPlatform.Identity.Demo;
using OpsPlatform.Identity.Invitations;
using OpsPlatform.Identity.Keys;
using OpsPlatform.Identity.Organisations;
using OpsPlatform.Identity.Sessions;
using OpsPlatform.Identity.Users;
using OpsPlatform.ServiceDefaults.Auth;

namespace OpsPlatform.Identity;

internal static class IdentitySetup
{
    public static void AddUsers(this WebApplicationBuilder builder)
    {
        builder.Services.AddIdentityCore<User>(identity =>
        {
            // What a request may hold is said on the request; here only what the store must keep.
            identity.User.RequireUniqueEmail = true;
            identity.User.AllowedUserNameCharacters = null!;
        }).AddUserStore<UserOnlyStore<User, IdentityDb, Guid>>();
        builder.Services.AddOptions<InvitationOptions>().BindConfiguration(InvitationOptions.Section);
        builder.Services.AddScoped<Founding>();
        builder.Services.AddScoped<Joining>();

        if (builder.Configuration.GetValue<bool>("Demo:Enabled"))
        {
            builder.Services.AddHostedService<DemoOrganisation>();
        }
    }

    public static void AddSessions(this WebApplicationBuilder builder)
    {
        builder.Services.AddOptions<TokenLifetimes>().BindConfiguration(TokenLifetimes.Section);
        builder.Services.AddOptions<SigningKeyOptions>().BindConfiguration(SigningKeyOptions.Section);
        builder.Services.AddHttpContextAccessor();
        builder.Services.AddScoped<Session>();
        builder.Services.AddScoped<AuditTrail>();
        builder.Services.AddHostedService<ForgetAudit>();
        builder.Services.AddSingleton<AccessTokens>();
        builder.Services.AddSingleton<ClientGuesses>();
        builder.Services.AddSingleton(new KeySeal(builder.Configuration));
        builder.Services.AddSingleton<KeyRing>();
        builder.Services.AddSingleton<ISigningKeys>(services => services.GetRequiredService<KeyRing>());
        builder.Services.AddScoped<KeyRotation>();
        builder.Services.AddHostedService<KeyWorker>();
        builder.Services.AddHealthChecks().AddCheck<KeyHealth>("signing keys");
    }
}
