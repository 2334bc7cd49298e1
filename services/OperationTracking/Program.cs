using OpsPlatform.Contracts;
using OpsPlatform.OperationTracking;
using OpsPlatform.OperationTracking.Approvals;
using OpsPlatform.OperationTracking.Bulk;
using OpsPlatform.OperationTracking.Metadata;
using OpsPlatform.OperationTracking.Operations;
using OpsPlatform.OperationTracking.Posted;
using OpsPlatform.OperationTracking.Reports;
using OpsPlatform.OperationTracking.Timeline;
using OpsPlatform.ServiceDefaults;

var builder = WebApplication.CreateBuilder(args);

builder.AddServiceDefaults("operations");
builder.AddDatabase<OperationsDb>("operations");
builder.AddBus<OperationsDb>("operations", bus => bus
    .Hear<OperationStarted, StartOperationWhenOperationStarted>()
    .HearLatest<OperationReported, TakeReports>()
    .Hear<OperationEnded, EndOperationWhenOperationEnded>()
    .Hear<OperationReplanned, AskAgainWhenOperationReplanned>());
builder.AddTracking();
builder.AddApprovals();
builder.AddPosted();
builder.AddReports();
builder.AddMetadata();
builder.AddBulk();

var app = builder.Build();

app.UseServiceDefaults();
app.MapOperations();
app.MapPosted();
app.MapMetadata();
app.MapBulk();
app.MapTimeline();
app.MapApprovals();

app.Run();
