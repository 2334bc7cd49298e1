namespace OpsPlatform.OperationTracking.Reports;

internal static class ReportSetup
{
    public static void AddReports(this WebApplicationBuilder builder)
    {
        builder.Services.AddSingleton<LatestReports>();
        builder.Services.AddHostedService<WriteReports>();
    }
}
