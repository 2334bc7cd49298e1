using System.Collections.Concurrent;
using System.Text;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.IdentityModel.JsonWebTokens;

namespace OpsPlatform.OperationTracking.Tests;

/// <summary>Plays Identity for a service tested alone: tells a service token's organisation who its members are, and passes on what is asked about tokens.</summary>
public sealed class IdentityStandIn : IDisposable
{
    private readonly WebApplication _app;
    private readonly HttpClient _http = new();
    private readonly ConcurrentDictionary<Guid, ConcurrentDictionary<Guid, (string Role, string Name)>> _members = new();

    public IdentityStandIn(Func<Uri> tokens)
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
        _app.MapGet("/identity/export/members", Members);
        _app.Start();
    }

    public Uri Address => new(_app.Urls.First());

    /// <summary>Answers nothing about members while it is.</summary>
    public bool IsAway { get; set; }

    public void Join(Guid org, Guid user, string role, string name) => Of(org)[user] = (role, name);

    public void Leave(Guid org, Guid user) => Of(org).TryRemove(user, out _);

    public void Dispose()
    {
        ((IDisposable)_app).Dispose();
        _http.Dispose();
    }

    private ConcurrentDictionary<Guid, (string Role, string Name)> Of(Guid org) => _members.GetOrAdd(org, _ => new());

    private IResult Members(HttpContext http)
    {
        var token = new JsonWebToken(http.Request.Headers.Authorization.ToString()["Bearer ".Length..]);
        return IsAway ? Results.StatusCode(StatusCodes.Status503ServiceUnavailable)
            : token.GetClaim("role").Value != "service" ? Results.Forbid()
            : Results.Json(new
            {
                items = Of(Guid.Parse(token.GetClaim("org").Value)).OrderBy(x => x.Key)
                    .Select(x => new { userId = x.Key, role = x.Value.Role, displayName = x.Value.Name, toldLater = true }),
            });
    }
}
