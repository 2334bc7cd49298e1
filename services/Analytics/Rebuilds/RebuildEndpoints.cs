using OpsPlatform.ServiceDefaults;
using OpsPlatform.ServiceDefaults.Auth;
using OpsPlatform.ServiceDefaults.Http;

namespace OpsPlatform.Analytics.Rebuilds;

internal static class RebuildEndpoints
{
    public static void AddRebuilds(this WebApplicationBuilder builder)
    {
        builder.Services.AddScoped<OwnerExports>();
        builder.Services.AddScoped<RebuildRun>();
        builder.AddOperations("analytics", work => work.Do<RebuildWork, RebuildWork.Args>());
    }

    public static void MapRebuilds(this WebApplication app)
    {
        var analytics = app.MapApi("/analytics").WithTags("rebuilds");
        analytics.MapPost("/rebuild", StartRebuild.Handle).RequireAuthorization(Roles.Admin)
            .WithSummary("Count the organisation anew from what its owners export, one at a time (409). Role admin.");
        analytics.MapGet("/rebuilds", ListRebuilds.Handle).WithSummary("Rebuilds, the latest first. Role viewer.");
        analytics.MapGet("/rebuilds/{id:guid}", GetRebuild.Handle).WithSummary("A rebuild's progress. Role viewer.");
        analytics.MapGet("/rebuilds/{id:guid}/comparison", GetComparison.Handle)
            .WithSummary("What was shown before beside what the rebuild counted: rows, sums, hashes, differing keys. Role viewer.");
        analytics.MapGet("/rebuilds/latest/comparison", GetComparison.HandleLatest).WithSummary("The last comparison made. Role viewer.");
    }
}
