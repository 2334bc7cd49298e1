using OpsPlatform.Contracts;
using OpsPlatform.Orders;
using OpsPlatform.Orders.Customers;
using OpsPlatform.Orders.Exports;
using OpsPlatform.Orders.Menu;
using OpsPlatform.Orders.Orders;
using OpsPlatform.ServiceDefaults;

var builder = WebApplication.CreateBuilder(args);

builder.AddServiceDefaults("orders");
builder.AddDatabase<OrdersDb>("orders");
builder.AddBus<OrdersDb>("orders", bus => bus
    .Hear<StockConsumed, ConfirmOrderWhenStockConsumed>()
    .Hear<StockRefused, RejectOrderWhenStockRefused>()
    .Hear<StockRestored, CancelOrderWhenStockRestored>()
    .Hear<RecipeAvailabilityChanged, SetAvailabilityWhenRecipeAvailabilityChanged>());
builder.AddOperations("orders", work => work.Do<WriteOrderExport, OrderSelection>());
builder.AddOrders();
builder.AddExports();

var app = builder.Build();

app.UseServiceDefaults();
app.MapMenu();
app.MapOrders();
app.MapCustomers();
app.MapExports();

app.Run();
