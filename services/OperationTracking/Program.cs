using OpsPlatform.Contracts;
using OpsPlatform.OperationTracking;
using OpsPlatform.OperationTracking.Approvals;
using OpsPlatform.OperationTracking.Reports;
using OpsPlatform.ServiceDefaults;

var builder = WebApplication.CreateBuilder(args);

builder.AddServiceDefaults("operations");
builder.AddDatabase<OperationsDb>("operations");
// Before the bus, which is thereby stopped first: what was heard until then is written down.
builder.AddReports();
builder.AddBus<OperationsDb>("operations", bus => bus
    .Hear<OperationStarted, StartOperationWhenOperationStarted>()
    .HearLatest<OperationReported, TakeReports>()
    .Hear<OperationEnded, EndOperationWhenOperationEnded>()
    .Hear<OperationReplanned, AskAgainWhenOperationReplanned>());
builder.AddTracking();

var app = builder.Build();

app.UseServiceDefaults();
app.MapTracking();

app.Run();
