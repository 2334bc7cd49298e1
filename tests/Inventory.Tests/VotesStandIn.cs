using System.Collections.Concurrent;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace OpsPlatform.Inventory.Tests;

/// <summary>The service that counts votes, as far as it is asked whether a policy can be satisfied: it can, unless a test says otherwise of the user.</summary>
public sealed class VotesStandIn : IAsyncDisposable
{
    private readonly WebApplication _app;

    public VotesStandIn()
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        _app = builder.Build();
        _app.MapPost("/operations/policies/check", Answer);
        _app.StartAsync().GetAwaiter().GetResult();
    }

    public string Address => _app.Urls.First();

    /// <summary>By user: the status to answer with.</summary>
    public ConcurrentDictionary<string, int> Refusals { get; } = [];

    /// <summary>By user: what was asked last.</summary>
    public ConcurrentDictionary<string, JsonNode> Asked { get; } = [];

    public ValueTask DisposeAsync() => _app.DisposeAsync();

    private IResult Answer(JsonNode question)
    {
        var user = (string)question["userId"]!;
        Asked[user] = question;
        return Refusals.TryGetValue(user, out var status)
            ? TypedResults.Problem("Two more are needed.", statusCode: status, title: "Nobody could agree to this.", type: "https://opsplatform.dev/problems/policy-unsatisfiable")
            : TypedResults.Ok(new { isSatisfiable = true });
    }
}
