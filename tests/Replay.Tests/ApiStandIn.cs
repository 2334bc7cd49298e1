using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.Logging;

namespace OpsPlatform.Replay.Tests;

/// <summary>
/// Just enough of the published API to see how the tool meets lost answers, limits, expiring tokens and wrong
/// figures, which the real system cannot be told to produce. A request it does not know fails the test.
/// </summary>
internal sealed partial class ApiStandIn : IAsyncDisposable
{
    private readonly WebApplication app;
    private readonly Lock gate = new();
    private int requests;
    private int token;

    private ApiStandIn(WebApplication app) => this.app = app;

    /// <summary>Sees the number of each request and its path; what it returns happens to that request.</summary>
    public Func<int, string, Fault> Faults { get; set; } = (_, _) => Fault.None;

    public decimal ExtraConsumption { get; set; }

    public long ExtraRevenueMinor { get; set; }

    public bool LosesFeedEntry { get; set; }

    public string Currency { get; set; } = "GBP";

    public int Created { get; private set; }

    public int Logins { get; private set; }

    public int Refreshes { get; private set; }

    public List<string> Unknown { get; } = [];

    public string Address => app.Urls.First();

    public static async Task<ApiStandIn> Start()
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        builder.Logging.ClearProviders();
        var standIn = new ApiStandIn(builder.Build());
        standIn.app.Run(standIn.Handle);
        await standIn.app.StartAsync();

        return standIn;
    }

    public ValueTask DisposeAsync() => app.DisposeAsync();

    private async Task Handle(HttpContext context)
    {
        var path = context.Request.Path.Value!;
        var body = context.Request.ContentLength > 0 ? await JsonSerializer.DeserializeAsync<JsonObject>(context.Request.Body) : null;
        var fault = Faults(Interlocked.Increment(ref requests), path);

        if (fault is Fault.Busy)
        {
            context.Response.Headers.RetryAfter = "0";
            await Answer(context, 429, Problem("rate-limited"));
            return;
        }

        if (fault is Fault.Broken)
        {
            context.Response.StatusCode = 503;
            return;
        }

        var signedIn = path is "/identity/login" or "/identity/register" or "/identity/refresh"
            || context.Request.Headers.Authorization == $"Bearer token-{token}";
        int status;
        JsonNode? answer;

        lock (gate)
        {
            (status, answer) = signedIn ? Work(context.Request, path, body) : (401, Problem("unauthorized"));
        }

        if (fault is Fault.AnswerLost)
        {
            context.Features.Get<IHttpResponseBodyFeature>()!.DisableBuffering();
            context.Abort();
            return;
        }

        await Answer(context, status, answer);
    }

    /// <summary>The token handed out is worth nothing from now on.</summary>
    public void ExpireToken() => Interlocked.Increment(ref token);

    private (int, JsonNode?) Work(HttpRequest request, string path, JsonObject? body) => (request.Method, path) switch
    {
        ("POST", "/identity/register") => Tokens(201),
        ("POST", "/identity/login") => body!["password"]!.GetValue<string>() == "wrong" ? (401, Problem("invalid-credentials")) : Tokens(200, login: true),
        ("POST", "/identity/refresh") => Tokens(200, refresh: true),
        ("GET", "/identity/organisation") => (200, new JsonObject { ["name"] = "Shop", ["currency"] = Currency, ["timeZone"] = "Europe/London", ["dayStartsAt"] = "04:00" }),
        ("POST", "/ingredients") => Create("ingredient", ingredients, body!, made => stock[IdOf(made)] = (made["openingStock"]!.GetValue<decimal>(), 0)),
        ("POST", "/recipes") => Create("recipe", recipes, body!, _ => { }),
        ("POST", "/menu") => Create("menu_item", menu, body!, _ => { }),
        ("POST", "/orders") => Create("order", orders, body!, Decide, status: 202),
        ("GET", "/orders/summary") => (200, Summary()),
        ("GET", "/analytics/summary") => (200, Sales()),
        ("GET", "/orders") => (200, Page(request, [.. orders.Values])),
        ("GET", "/ingredients") => (200, Page(request, [.. ingredients.Values.Select(i => new JsonObject
        {
            ["id"] = IdOf(i), ["code"] = i["code"]!.DeepClone(), ["stock"] = stock[IdOf(i)].Opening - stock[IdOf(i)].Consumed,
        })])),
        ("GET", "/inventory/totals") => (200, new JsonObject { ["items"] = new JsonArray([.. ingredients.Values.Select(Totals)]) }),
        ("GET", "/sync/stats") => (200, FeedStats()),
        ("GET", "/sync/feed") => (200, FeedPage(request)),
        ("GET", "/identity/changes/stats" or "/sync/changes/stats" or "/analytics/changes/stats") => (200, Captured(0)),
        ("GET", "/inventory/changes/stats") => (200, Captured(feed.Count(f => ServiceOf(f.Type) == "inventory"))),
        ("GET", "/orders/changes/stats") => (200, Captured(feed.Count(f => ServiceOf(f.Type) == "orders"))),
        _ => Refuse($"{request.Method} {path}"),
    };

    private (int, JsonNode?) Refuse(string what)
    {
        Unknown.Add(what);
        return (404, null);
    }

    private (int, JsonNode?) Tokens(int status, bool login = false, bool refresh = false)
    {
        Logins += login ? 1 : 0;
        Refreshes += refresh ? 1 : 0;

        return (status, new JsonObject
        {
            ["organisationId"] = "11111111-1111-4111-8111-111111111111",
            ["accessToken"] = $"token-{token}",
            ["refreshToken"] = "refresh",
            ["expiresIn"] = 600,
            ["tokenType"] = "Bearer",
        });
    }

    private static JsonObject Captured(int count) => new() { ["captured"] = count, ["pending"] = 0, ["processed"] = count, ["failed"] = 0 };

    private static string ServiceOf(string type) => type is "ingredient" or "recipe" ? "inventory" : "orders";

    private static Guid IdOf(JsonObject thing) => thing["id"]!.GetValue<Guid>();

    private static JsonObject Problem(string slug) => new() { ["type"] = $"https://opsplatform.dev/problems/{slug}", ["title"] = slug };

    private static Task Answer(HttpContext context, int status, JsonNode? body)
    {
        context.Response.StatusCode = status;
        context.Response.ContentType = "application/json";

        return body is null ? Task.CompletedTask : context.Response.WriteAsync(body.ToJsonString());
    }
}

internal enum Fault
{
    None,
    Busy,
    Broken,

    /// <summary>The work is done, the connection breaks before the answer.</summary>
    AnswerLost,
}
