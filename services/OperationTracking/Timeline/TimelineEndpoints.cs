using OpsPlatform.ServiceDefaults.Auth;
using OpsPlatform.ServiceDefaults.Http;

namespace OpsPlatform.OperationTracking.Timeline;

internal static class TimelineEndpoints
{
    public static void MapTimeline(this WebApplication app)
    {
        var operations = app.MapApi("/operations").WithTags("timeline");
        operations.MapGet("/{id:guid}/timeline", ListTimeline.Handle);
        operations.MapGet("/audit", AuditTimeline.Handle).RequireAuthorization(Roles.Admin);
        operations.MapGet("/audit/entries", ListEntries.Handle).RequireAuthorization(Roles.Admin);
    }
}
