using System.Collections.Concurrent;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using OpsPlatform.Contracts;
using OpsPlatform.ServiceDefaults.Auth;
using OpsPlatform.ServiceDefaults.Work;

namespace OpsPlatform.ServiceDefaults.Tests.Sample;

/// <summary>Long-running work that does what the test at hand says.</summary>
internal sealed class ScriptedWork(NotesDb db) : IDoOperation<ScriptedWork.Args>
{
    public sealed record Args(Guid Script);

    public delegate Task<object?> Script(Operation operation, NotesDb db, CancellationToken cancel);

    public static readonly ConcurrentDictionary<Guid, Script> Scripts = [];

    public static OperationKind Kind { get; } = new("notes.script", [new("Both", 1, Steps: [new("First"), new("Second", 3)])], 3);

    public static void Map(RouteGroupBuilder notes)
    {
        notes.MapPost("/{id:guid}/work", Start<ScriptedWork>).RequireAuthorization(Roles.Staff);
        notes.MapPost("/{id:guid}/work/taken-back", Start<TakenBackWork>).RequireAuthorization(Roles.Staff);
        notes.MapPost("/{id:guid}/work/held", Start<HeldWork>).RequireAuthorization(Roles.Staff);
        notes.MapPost("/{id:guid}/work/also-held", Start<AlsoHeldWork>).RequireAuthorization(Roles.Staff);
        notes.MapPost("/{id:guid}/work/limited", Start<LimitedWork>).RequireAuthorization(Roles.Staff);
    }

    public Task<object?> Do(Args args, Operation operation, CancellationToken cancel) => Scripts[args.Script](operation, db, cancel);

    public static OperationPlan Plan(string digest) => new(digest, """{"what":"a script"}""", new([new("people", 1, Roles: [Roles.Admin])]));

    private static async Task<IResult> Start<TWork>(Guid id, string? digest, Guid? batch, NotesDb db, Operations operations, HttpContext http, CancellationToken cancel)
        where TWork : class, IDoOperation<Args>
    {
        if (batch is { } parent)
        {
            operations.AddBatch(parent, "notes.scripts", new("Some scripts"), children: 1);
        }

        operations.Add<TWork, Args>(
            id, new(id), new("A script", "note", "n-1", new { colour = "red" }, ["script"], batch, batch is null ? 1 : 2), string.IsNullOrEmpty(digest) ? null : Plan(digest));
        await db.SaveChangesAsync(cancel);
        operations.Wake();
        Operations.Point(http, id);
        return TypedResults.Accepted($"/operations/{id}");
    }
}
