using OpsPlatform.Analytics;
using OpsPlatform.Analytics.Consumption;
using OpsPlatform.Analytics.Customers;
using OpsPlatform.Analytics.Facts;
using OpsPlatform.Analytics.Rebuilds;
using OpsPlatform.Analytics.Sales;
using OpsPlatform.Analytics.Settings;
using OpsPlatform.Contracts;
using OpsPlatform.ServiceDefaults;

var builder = WebApplication.CreateBuilder(args);

builder.AddServiceDefaults("analytics");
builder.AddDatabase<AnalyticsDb>("analytics");
builder.AddBus<AnalyticsDb>("analytics", bus => bus
    .Hear<OrganisationChanged, CountAnewWhenOrganisationChanged>()
    .Hear<OrderConfirmed, CountSaleWhenOrderConfirmed>(rest: TimeSpan.FromMilliseconds(100))
    .Hear<OrderRejected, CountRefusalWhenOrderRejected>()
    .Hear<OrderCancelled, TakeSaleOutWhenOrderCancelled>()
    .Hear<StockConsumed, CountConsumptionWhenStockConsumed>(rest: TimeSpan.FromMilliseconds(100))
    .Hear<StockRestored, CountReturnWhenStockRestored>());
builder.AddRebuilds();

var app = builder.Build();

app.UseServiceDefaults();
app.MapSales();
app.MapConsumption();
app.MapCustomers();
app.MapSettings();
app.MapRebuilds();

app.Run();
