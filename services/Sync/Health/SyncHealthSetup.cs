using OpsPlatform.ServiceDefaults.Auth;
using OpsPlatform.ServiceDefaults.Http;
using OpsPlatform.ServiceDefaults.Idempotency;
using OpsPlatform.Sync.Consistency;

namespace OpsPlatform.Sync.Health;

internal static class SyncHealthSetup
{
    private const string MemberOrOperator = "member-or-operator";

    public static void AddSyncHealth(this WebApplicationBuilder builder)
    {
        builder.Services.AddSingleton(HealthOptions.Read(builder.Configuration));
        builder.Services.AddSingleton<Sources>().AddSingleton<FeedRows>().AddSingleton<Markers>().AddSingleton<ProveMismatches>().AddSingleton<CompareRows>();
        builder.Services.AddSingleton<CompareTables>().AddSingleton<ComparisonTable>().AddSingleton<RepairRows>().AddSingleton<ListUnsentEvents>().AddSingleton<NoteAppends>();
        builder.Services.AddSingleton<AskSources>().AddSingleton<OrganisationSamples>().AddSingleton<MetricsTable>().AddSingleton<ChangeLevel>().AddSingleton<JudgeHealth>().AddSingleton<ForgetHealth>();
        builder.Services.AddSingleton<ApplyFeed>().AddHostedService(services => services.GetRequiredService<ApplyFeed>());
        builder.Services.AddSingleton<FeedActivity>().AddHostedService(services => services.GetRequiredService<FeedActivity>());
        builder.Services.AddHostedService<CheckHealth>();
        builder.Services.AddAuthorizationBuilder().AddPolicy(MemberOrOperator, policy => policy.RequireAuthenticatedUser().RequireAssertion(context =>
            context.User.IsInRole(Roles.Operator)
            || (context.User.HasClaim(claim => claim.Type == Tokens.OrgClaim) && Roles.AtLeast(Roles.Viewer).Any(context.User.IsInRole))));
    }

    public static void MapSyncHealth(this WebApplication app)
    {
        var sync = app.MapApi("/sync");
        sync.MapGet("/health", GetHealth.Handle).WithSummary("How the organisation's data is: level, reasons, score, rate, latency, and lag per service.");
        sync.MapGet("/events", ListEvents.Handle).WithSummary("The latest changes, newest first; with status pending or failed those that are not in the feed.");
        sync.MapGet("/alerts", ListAlerts.Handle).WithSummary("Every change of the health level, newest first.");
        sync.MapGet("/settings", GetSettings.Handle).WithSummary("What synchronisation was started with, and the thresholds of its health.");
        sync.MapGet("/mismatches", ListMismatches.Handle).WithSummary("The rows that differ between their table and the feed.");
        sync.MapPost("/resync", Resync.Handle).RequireAuthorization(Roles.Admin).WithSummary("Repairs rows that differ, from the services that own them; or previews it.")
            .WithoutIdempotencyKey("Sent again it repairs only what is still wrong.");
        sync.MapGet("/resyncs", ListResyncs.Handle).RequireAuthorization(Roles.Admin).WithSummary("Past resyncs and what they repaired.");

        app.MapApi("/sync", MemberOrOperator).MapGet("/metrics", ListMetrics.Handle).WithSummary("Recorded metrics, newest first: the organisation's, or for an operator the platform's.");
    }
}
