using OpsPlatform.ServiceDefaults.Auth;
using OpsPlatform.ServiceDefaults.Http;

namespace OpsPlatform.OperationTracking.Statistics;

internal static class StatisticsEndpoints
{
    public static void AddStatistics(this WebApplicationBuilder builder) => builder.Services.AddSingleton<History>();

    public static void MapStatistics(this WebApplication app) =>
        app.MapApi("/operations").WithTags("statistics").MapGet("/statistics", GetStatistics.Handle).RequireAuthorization(Roles.Admin);
}
