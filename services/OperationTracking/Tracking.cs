using OpsPlatform.OperationTracking.Alerts;
using OpsPlatform.OperationTracking.Approvals;
using OpsPlatform.OperationTracking.Batches;
using OpsPlatform.OperationTracking.Bulk;
using OpsPlatform.OperationTracking.Checkpoints;
using OpsPlatform.OperationTracking.Feed;
using OpsPlatform.OperationTracking.Metadata;
using OpsPlatform.OperationTracking.Operations;
using OpsPlatform.OperationTracking.Posted;
using OpsPlatform.OperationTracking.Statistics;
using OpsPlatform.OperationTracking.Steps;
using OpsPlatform.OperationTracking.Timeline;

namespace OpsPlatform.OperationTracking;

/// <summary>All this service is made of, a folder each.</summary>
internal static class Tracking
{
    public static void AddTracking(this WebApplicationBuilder builder)
    {
        builder.AddOperationViews();
        builder.AddStatistics();
        builder.AddFeed();
        builder.AddApprovals();
        builder.AddPosted();
        builder.AddBatches();
        builder.AddMetadata();
        builder.AddBulk();
        builder.AddAlerts();
        builder.AddCheckpoints();
    }

    public static void MapTracking(this WebApplication app)
    {
        app.MapOperations();
        app.MapSteps();
        app.MapTimeline();
        app.MapStatistics();
        app.MapFeed();
        app.MapApprovals();
        app.MapPosted();
        app.MapBatches();
        app.MapMetadata();
        app.MapBulk();
        app.MapAlerts();
        app.MapCheckpoints();
    }
}
