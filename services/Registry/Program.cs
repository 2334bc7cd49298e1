using OpsPlatform.Registry;
using OpsPlatform.Registry.Instances;
using OpsPlatform.Registry.Services;
using OpsPlatform.ServiceDefaults;

var builder = WebApplication.CreateBuilder(args);

builder.AddServiceDefaults("registry");
builder.AddDatabase<RegistryDb>("registry");
builder.AddBus<RegistryDb>("registry");
builder.AddInstances();

var app = builder.Build();

app.UseServiceDefaults();
app.MapInstances();
app.MapServices();

app.Run();
