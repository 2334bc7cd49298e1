using OpsPlatform.Gateway.ApiKeys;
using OpsPlatform.Gateway.Documents;
using OpsPlatform.Gateway.Edge;
using OpsPlatform.Gateway.Limits;
using OpsPlatform.Gateway.Routing;
using OpsPlatform.ServiceDefaults;

var builder = WebApplication.CreateBuilder(args);

builder.AddServiceDefaults("gateway");
builder.AddRateLimits();
builder.AddOrigins();
builder.AddCompression();
builder.AddUpstreams();
builder.Services.AddSingleton<ApiDocument>();
builder.Services.AddSingleton<ApiKeyTokens>();

var app = builder.Build();

app.UseCorrelation();
app.UseSecurityHeaders();
app.UseTrustedHeadersOnly();
app.UseCors();
app.UseResponseCompression();
app.UseAddressLimits();
app.UseApiKeys();
app.UseServiceDefaults(scopesAreChecked: false, onceTheCallerIsKnown: pipeline =>
{
    pipeline.UseOrganisationLimits();
    pipeline.UseApiKeyRefusals();
});
app.UseLongPollsEndOnShutdown();

app.MapDocuments();
app.MapUpstreams();

app.Run();
