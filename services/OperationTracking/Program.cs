using OpsPlatform.Contracts;
using OpsPlatform.OperationTracking;
using OpsPlatform.OperationTracking.Alerts;
using OpsPlatform.OperationTracking.Operations;
using OpsPlatform.OperationTracking.Reports;
using OpsPlatform.OperationTracking.Timeline;
using OpsPlatform.ServiceDefaults;

var builder = WebApplication.CreateBuilder(args);

builder.AddServiceDefaults("operations");
builder.AddDatabase<OperationsDb>("operations");
builder.AddBus<OperationsDb>("operations", bus => bus
    .Hear<OperationStarted, StartOperationWhenOperationStarted>()
    .HearLatest<OperationReported, TakeReports>()
    .Hear<OperationEnded, EndOperationWhenOperationEnded>());
builder.AddOperations();
builder.AddReports();
builder.AddAlerts();

var app = builder.Build();

app.UseServiceDefaults();
app.MapOperations();
app.MapTimeline();
app.MapAlerts();

app.Run();
