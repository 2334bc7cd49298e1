using System.Collections.Concurrent;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;
using Microsoft.IdentityModel.JsonWebTokens;

namespace OpsPlatform.OperationTracking.Tests;

/// <summary>Plays Inventory as far as it is asked to undo its operations: it answers as a test says, and otherwise starts an undo.</summary>
public sealed class InventoryStandIn : IAsyncDisposable
{
    private readonly WebApplication _app;

    public InventoryStandIn()
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        _app = builder.Build();
        _app.Map("/inventory/operations/{id:guid}/undo", Answer);
        _app.StartAsync().GetAwaiter().GetResult();
    }

    public string Address => _app.Urls.First();

    /// <summary>By operation.</summary>
    public ConcurrentDictionary<Guid, IResult> Answers { get; } = [];

    /// <summary>By operation: with which methods and by whom it was asked for.</summary>
    public ConcurrentDictionary<Guid, string> Asked { get; } = [];

    public ValueTask DisposeAsync() => _app.DisposeAsync();

    private IResult Answer(Guid id, HttpRequest request)
    {
        var user = new JsonWebToken(request.Headers.Authorization.ToString()["Bearer ".Length..]).Subject;
        Asked.AddOrUpdate(id, $"{request.Method} {user}", (_, before) => $"{before}, {request.Method} {user}");
        return Answers.TryGetValue(id, out var told) ? told
            : request.Method == "GET" ? Results.Json(new { done = 2, refused = 1, refusals = new[] { new { what = "ingredient salt", error = "It has changed since." } }, needsApproval = true })
            : Results.Json(new { operationId = Guid.NewGuid(), undoes = id }, statusCode: StatusCodes.Status202Accepted);
    }
}
