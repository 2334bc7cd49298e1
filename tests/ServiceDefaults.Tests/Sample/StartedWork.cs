using System.Collections.Concurrent;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using OpsPlatform.ServiceDefaults.Auth;
using OpsPlatform.ServiceDefaults.Work;

namespace OpsPlatform.ServiceDefaults.Tests.Sample;

/// <summary>Long-running work that a request does itself, as the test at hand says.</summary>
internal static class StartedWork
{
    public static readonly ConcurrentDictionary<Guid, Func<StartedOperation, Task>> Scripts = [];

    public static OperationKind Kind { get; } = new("notes.started", [new("First"), new("Second", 3)]);

    public static void Map(RouteGroupBuilder notes) => notes.MapPost("/{id:guid}/started", Do).RequireAuthorization(Roles.Staff);

    private static async Task<IResult> Do(Guid id, Operations operations, CancellationToken cancel)
    {
        await using var operation = await operations.Start(Kind, new("A script"), cancel);
        await Scripts[id](operation);
        return TypedResults.Ok(operation.Id);
    }
}
