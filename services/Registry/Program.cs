using OpsPlatform.ServiceDefaults;
using OpsPlatform.Registry;

var builder = WebApplication.CreateBuilder(args);

builder.AddServiceDefaults("registry");
builder.AddDatabase<RegistryDb>("registry");
builder.AddBus<RegistryDb>("registry");

var app = builder.Build();

app.UseServiceDefaults();

app.Run();
