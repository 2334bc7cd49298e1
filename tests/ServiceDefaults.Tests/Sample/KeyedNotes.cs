using System.Collections.Concurrent;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.EntityFrameworkCore;
using OpsPlatform.ServiceDefaults.Auth;
using OpsPlatform.ServiceDefaults.Http;
using OpsPlatform.ServiceDefaults.Idempotency;
using OpsPlatform.ServiceDefaults.Tenancy;

namespace OpsPlatform.ServiceDefaults.Tests.Sample;

/// <summary>POSTs that end in every way a handler can.</summary>
internal static class KeyedNotes
{
    /// <summary>Requests for these ids say that they have begun, and end when they are let go.</summary>
    public static readonly ConcurrentDictionary<Guid, (TaskCompletionSource Begun, TaskCompletionSource LetGo)> Held = new();

    /// <summary>How often a handler began, by the note's id.</summary>
    public static readonly ConcurrentDictionary<Guid, int> Runs = new();

    public static void Map(RouteGroupBuilder notes)
    {
        notes.MapPost("/{id:guid}/held", HoldNote);
        notes.MapPost("/{id:guid}/killed-once", KillOnce);
        notes.MapPost("/{id:guid}/ends/{status:int}", EndWith);
        notes.MapPost("/{id:guid}/after-conflict", GoOnAfterConflict);
        notes.MapPost("/{id:guid}/large/{chars:int}", AnswerMuch);
        notes.MapPost("/{id:guid}/asks", AskAndWait);
        notes.MapPost("/secret", () => TypedResults.Ok("a secret")).RequireAuthorization(Roles.Staff).WithoutIdempotencyKey("It holds a secret.");
    }

    private static async Task<IResult> HoldNote(Guid id, NotesDb db, Caller caller, CancellationToken cancel)
    {
        await Add(id, db, caller, cancel);
        Held[id].Begun.TrySetResult();
        await Held[id].LetGo.Task.WaitAsync(cancel);
        return TypedResults.Created($"/notes/{id}", new { id });
    }

    private static async Task<IResult> KillOnce(Guid id, NotesDb db, Caller caller, CancellationToken cancel)
    {
        await Add(id, db, caller, cancel);
        if (Runs[id] == 1)
        {
            await db.Database.ExecuteSqlAsync($"SELECT pg_terminate_backend(pg_backend_pid())", cancel);
        }

        return TypedResults.Created($"/notes/{id}", new { id });
    }

    /// <summary>Writes in a transaction of its own and commits it only for a success; a fault is answered although it was written.</summary>
    private static async Task<IResult> EndWith(Guid id, int status, NotesDb db, Caller caller, CancellationToken cancel)
    {
        await using var transaction = await db.Database.BeginTransactionAsync(cancel);
        await Add(id, db, caller, cancel);
        if (status is < 400 or >= 500)
        {
            await transaction.CommitAsync(cancel);
        }

        return status < 400 ? TypedResults.StatusCode(status) : Problem.Of("ended", status, "It ended so.");
    }

    /// <summary>Meets a duplicate in its own transaction, lets it go and reads on.</summary>
    private static async Task<IResult> GoOnAfterConflict(Guid id, NotesDb db, Caller caller, CancellationToken cancel)
    {
        await Add(id, db, caller, cancel);
        await using (await db.Database.BeginTransactionAsync(cancel))
        {
            await Should.ThrowAsync<Npgsql.PostgresException>(() => db.Database.ExecuteSqlAsync($"INSERT INTO notes (id, text) VALUES ({id}, 'twice')", cancel));
        }

        return TypedResults.Ok(await db.Notes.CountAsync(note => note.Id == id, cancel));
    }

    private static async Task<IResult> AnswerMuch(Guid id, int chars, NotesDb db, Caller caller, CancellationToken cancel)
    {
        await Add(id, db, caller, cancel);
        return TypedResults.Created($"/notes/{id}", new { text = new string('x', chars) });
    }

    /// <summary>Commits with a first answer, waits until it is let go, and gives the final one.</summary>
    private static async Task<IResult> AskAndWait(Guid id, NotesDb db, Caller caller, KeyedRequest keyed, HttpContext http, CancellationToken cancel)
    {
        await Add(id, db, caller, cancel);
        http.Response.Headers["Preference-Applied"] = "wait=5";
        await keyed.Keep(TypedResults.Accepted($"/notes/{id}", new { id, state = "asked" }));
        Held[id].Begun.TrySetResult();
        await Held[id].LetGo.Task.WaitAsync(cancel);
        return TypedResults.Ok(new { id, state = "answered", notes = await db.Notes.CountAsync(cancel) });
    }

    private static Task<int> Add(Guid id, NotesDb db, Caller caller, CancellationToken cancel)
    {
        Runs.AddOrUpdate(id, 1, (_, runs) => runs + 1);
        db.Notes.Add(new Note { OrgId = caller.Org, Id = id, Text = $"{id}" });
        return db.SaveChangesAsync(cancel);
    }
}
