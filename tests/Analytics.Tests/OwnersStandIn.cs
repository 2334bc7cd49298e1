using System.Collections.Concurrent;
using System.Text;
using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.IdentityModel.JsonWebTokens;
using OpsPlatform.Contracts;

namespace OpsPlatform.Analytics.Tests;

/// <summary>What the owners of one organisation hold.</summary>
public sealed class OwnerData
{
    public OrganisationChanged? Settings { get; set; }

    public ConcurrentDictionary<Guid, ExportedOrder> Orders { get; } = new();

    public ConcurrentDictionary<Guid, ExportedConsumption> Consumption { get; } = new();

    public int PageSize { get; set; } = 500;

    /// <summary>Runs before every answer, with the path; throws InvalidOperationException to answer 503 and IOException to break the connection, waits to keep the caller waiting.</summary>
    public Func<string, string?, Task> Before { get; set; } = (_, _) => Task.CompletedTask;

    /// <summary>Asked with the path before an answer, which is then cut off in the middle, as by a process that ends.</summary>
    public Func<string, string?, bool> BreaksOff { get; set; } = (_, _) => false;

    /// <summary>Every request, in order.</summary>
    public ConcurrentQueue<string> Asked { get; } = new();
}

/// <summary>
/// Plays Orders, Inventory and Identity for a service tested alone: answers exports of what it was told, to a service token of that
/// organisation, and nothing else.
/// </summary>
public sealed class OwnersStandIn : IDisposable
{
    private readonly WebApplication _app;
    private readonly HttpClient _http = new();
    private readonly ConcurrentDictionary<Guid, OwnerData> _data = new();

    public OwnersStandIn(Func<Uri> tokens)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        _app = builder.Build();
        _app.MapGet("/identity/.well-known/jwks.json", async () => Results.Text(await _http.GetStringAsync(new Uri(tokens(), "/identity/.well-known/jwks.json")), "application/json"));
        _app.MapPost("/identity/token", async (HttpRequest asked) =>
        {
            using var request = new HttpRequestMessage(HttpMethod.Post, new Uri(tokens(), "/identity/token"));
            request.Headers.TryAddWithoutValidation("Authorization", asked.Headers.Authorization.ToString());
            request.Content = new StringContent(await new StreamReader(asked.Body).ReadToEndAsync(), Encoding.UTF8, "application/x-www-form-urlencoded");
            using var answer = await _http.SendAsync(request);
            return Results.Text(await answer.Content.ReadAsStringAsync(), "application/json", statusCode: (int)answer.StatusCode);
        });
        _app.MapGet("/identity/export/organisation", http => Answer(http, data => data.Settings));
        _app.MapGet("/orders/export", http => Answer(http, data =>
        {
            var (page, next) = Page(data.Orders.Values.OrderBy(x => x.Order.OccurredAt).ThenBy(x => x.Order.OrderId).ToArray(), data, http);
            return new OrderExportPage(page, next, http.Request.Query.ContainsKey("after") ? null : data.Orders.Count);
        }));
        _app.MapGet("/inventory/export/consumption", http => Answer(http, data =>
        {
            var (page, next) = Page(data.Consumption.Values.OrderBy(x => x.Consumed.OrderId).ToArray(), data, http);
            return new ConsumptionExportPage(page, next, http.Request.Query.ContainsKey("after") ? null : data.Consumption.Count);
        }));
        _app.Start();
    }

    public Uri Address => new(_app.Urls.First());

    public OwnerData Of(Guid org) => _data.GetOrAdd(org, _ => new());

    public void Dispose()
    {
        ((IDisposable)_app).Dispose();
        _http.Dispose();
    }

    private static (T[] Items, string? Next) Page<T>(T[] all, OwnerData data, HttpContext http)
    {
        var first = int.TryParse(http.Request.Query["after"], out var after) ? after : 0;
        return (all.Skip(first).Take(data.PageSize).ToArray(), first + data.PageSize < all.Length ? $"{first + data.PageSize}" : null);
    }

    private async Task Answer(HttpContext http, Func<OwnerData, object?> answer)
    {
        var token = new JsonWebToken(http.Request.Headers.Authorization.ToString()["Bearer ".Length..]);
        var role = token.GetClaim("role").Value;
        var data = Of(Guid.Parse(token.GetClaim("org").Value));
        var path = http.Request.Path.ToString();
        data.Asked.Enqueue(path + http.Request.QueryString);
        try
        {
            await data.Before(path, http.Request.Query["after"]);
        }
        catch (InvalidOperationException)
        {
            http.Response.StatusCode = 503;
            return;
        }
        catch (IOException)
        {
            http.Abort();
            return;
        }

        if (role != "service" || answer(data) is not { } body)
        {
            http.Response.StatusCode = role == "service" ? 404 : 403;
            return;
        }

        if (data.BreaksOff(path, http.Request.Query["after"]))
        {
            // More than the server buffers: what comes first has left it when this is written.
            await http.Response.WriteAsync($"{{\"items\": [{new string(' ', 1_000_000)}");
            await http.Response.Body.FlushAsync();
            http.Abort();
            return;
        }

        await http.Response.WriteAsJsonAsync(body, new JsonSerializerOptions(JsonSerializerDefaults.Web));
    }
}
