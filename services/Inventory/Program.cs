using OpsPlatform.Contracts;
using OpsPlatform.Inventory;
using OpsPlatform.Inventory.Changes;
using OpsPlatform.Inventory.Imports;
using OpsPlatform.Inventory.Ingredients;
using OpsPlatform.Inventory.Recipes;
using OpsPlatform.Inventory.Stock;
using OpsPlatform.ServiceDefaults;

var builder = WebApplication.CreateBuilder(args);

builder.AddServiceDefaults("inventory");
builder.AddDatabase<InventoryDb>("inventory");
builder.AddBus<InventoryDb>("inventory", bus => bus.Hear<OrderConfirmationRequested, ConsumeStockWhenOrderConfirmationRequested>()
    .Hear<OrderCancelled, RestoreStockWhenOrderCancelled>());
builder.AddOperations("inventory", work => work
    .Do<ApplyStockImport, ImportArgs>().Do<UndoStockImport, ImportArgs>()
    .Do<ChangeIngredients, ChangeArgs>().Do<UndoIngredientChange, UndoIngredientChange.Args>()
    .Do<DeleteRecipeWithHistory, DeleteRecipeWithHistory.Args>());
builder.AddAvailabilityFlips();

var app = builder.Build();

app.UseServiceDefaults();
app.MapIngredients();
app.MapRecipes();
app.MapStock();
app.MapImports();

app.Run();
