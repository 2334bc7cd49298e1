using OpsPlatform.ServiceDefaults.Auth;
using OpsPlatform.ServiceDefaults.Http;

namespace OpsPlatform.OperationTracking.Checkpoints;

internal static class CheckpointEndpoints
{
    public static void AddCheckpoints(this WebApplicationBuilder builder)
    {
        builder.Services.AddSingleton(new CheckpointKeys(builder.Configuration));
        builder.Services.AddOptions<CheckpointOptions>().BindConfiguration(CheckpointOptions.Section)
            .Validate(x => x.CheckpointEvery > TimeSpan.Zero, "Set Audit__CheckpointEvery to a span of time such as 00:10:00.").ValidateOnStart();
        builder.Services.AddSingleton<SignCheckpoints>();
        builder.Services.AddHostedService(services => services.GetRequiredService<SignCheckpoints>());
        builder.Services.AddHealthChecks().AddCheck<CheckpointHealth>("checkpoints");
    }

    public static void MapCheckpoints(this WebApplication app)
    {
        var audit = app.MapApi("/operations/audit").WithTags("timeline");
        audit.MapGet("/keys", ListCheckpointKeys.Handle);
        audit.MapGet("/checkpoints", ListCheckpoints.Handle).RequireAuthorization(Roles.Admin);
    }
}
