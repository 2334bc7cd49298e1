using OpsPlatform.ServiceDefaults;
using OpsPlatform.Analytics;

var builder = WebApplication.CreateBuilder(args);

builder.AddServiceDefaults("analytics");
builder.AddDatabase<AnalyticsDb>("analytics");
builder.AddBus<AnalyticsDb>("analytics");

var app = builder.Build();

app.UseServiceDefaults();

app.Run();
