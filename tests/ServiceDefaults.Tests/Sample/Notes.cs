using System.Collections.Concurrent;
using System.ComponentModel.DataAnnotations;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using OpsPlatform.Contracts;
using OpsPlatform.ServiceDefaults.Auth;
using OpsPlatform.ServiceDefaults.Database;
using OpsPlatform.ServiceDefaults.Http;
using OpsPlatform.ServiceDefaults.Messaging;
using OpsPlatform.ServiceDefaults.Tenancy;
using OpsPlatform.Testing;

namespace OpsPlatform.ServiceDefaults.Tests.Sample;

/// <summary>The smallest service on the frame: it keeps notes, says OrderPlaced for each and notes every StockConsumed.</summary>
internal static class Notes
{
    public enum Colour
    {
        LightBlue,
        Red,
    }

    /// <summary>What the sample's endpoint for services saw.</summary>
    public sealed record Exported(Guid? OrgId, string? Actor, Guid CorrelationId);

    public record Line([property: Range(1, 10)] int Quantity);

    public record Request([StringLength(20, MinimumLength = 1)] string Text, Guid? Id = null, Colour Colour = Colour.Red, string? Secret = null, IReadOnlyList<Line>? Lines = null, [RegularExpression("[A-Z]{3}")] string? Code = null);

    public static WebApplication Build(string[] settings, Action<IServiceCollection> configure)
    {
        var builder = WebApplication.CreateBuilder([.. settings, "--urls=http://127.0.0.1:0"]);
        builder.Logging.SetMinimumLevel(LogLevel.Warning);
        builder.AddServiceDefaults("orders");
        builder.AddDatabase<NotesDb>("orders");
        builder.AddBus<NotesDb>("orders", bus => bus.Hear<StockConsumed, NoteWhenStockConsumed>());
        builder.AddOperations("orders", work => work
            .Do<ScriptedWork, ScriptedWork.Args>().Do<TakenBackWork, ScriptedWork.Args>().Start(StartedWork.Kind)
            .Do<HeldWork, ScriptedWork.Args>().Do<AlsoHeldWork, ScriptedWork.Args>().Do<LimitedWork, ScriptedWork.Args>());
        configure(builder.Services);
        var app = builder.Build();
        app.UseServiceDefaults();
        var notes = app.MapApi("/notes");
        notes.MapPost("", Add).RequireAuthorization(Roles.Staff);
        notes.MapPost("/{id:guid}/broken", AddAndBreak).RequireAuthorization(Roles.Staff);
        notes.MapGet("", async (NotesDb db, CancellationToken cancel) => await db.Notes.Select(note => note.Text).ToListAsync(cancel));
        notes.MapPost("/{id:guid}/slow", Slow);
        KeyedNotes.Map(notes);
        ScriptedWork.Map(notes);
        StartedWork.Map(notes);
        app.MapApi("/export", Roles.Service).MapGet("", (Caller caller) => TypedResults.Ok(new Exported(caller.OrgId, caller.Actor, caller.CorrelationId)));
        return app;
    }

    public static readonly TaskCompletionSource SlowStarted = new(TaskCreationOptions.RunContinuationsAsynchronously);
    public static readonly TaskCompletionSource SlowMayFinish = new(TaskCreationOptions.RunContinuationsAsynchronously);

    private static async Task<IResult> Add(Request request, NotesDb db, Caller caller, CancellationToken cancel)
    {
        var note = new Note { OrgId = caller.Org, Id = request.Id ?? Guid.CreateVersion7(), Text = request.Text, Secret = request.Secret };
        db.Notes.Add(note);
        db.Publish(new OrderPlaced(note.Id, 1, 100, "GBP", DateTimeOffset.UnixEpoch));
        await db.SaveChangesAsync(cancel);
        return TypedResults.Created($"/notes/{note.Id}", new { note.Id, note.RowVersion });
    }

    private static async Task<IResult> AddAndBreak(Guid id, NotesDb db, Caller caller, CancellationToken cancel)
    {
        await using var transaction = await db.Database.BeginTransactionAsync(cancel);
        db.Notes.Add(new Note { OrgId = caller.Org, Id = id, Text = "broken" });
        db.Publish(new OrderPlaced(id, 1, 100, "GBP", DateTimeOffset.UnixEpoch));
        await db.SaveChangesAsync(cancel);
        throw new NotSupportedException("broken on purpose");
    }

    private static async Task<IResult> Slow(Guid id, NotesDb db, Caller caller)
    {
        SlowStarted.TrySetResult();
        await SlowMayFinish.Task;
        db.Notes.Add(new Note { OrgId = caller.Org, Id = id, Text = "slow" });
        await db.SaveChangesAsync();
        return TypedResults.NoContent();
    }
}

internal sealed class Note
{
    public Guid OrgId { get; init; }

    public Guid Id { get; init; }

    public required string Text { get; set; }

    public string? Secret { get; init; }

    public long RowVersion { get; init; }
}

internal sealed class NotesDb(DbContextOptions<NotesDb> options) : ServiceDb(options)
{
    public DbSet<Note> Notes => Set<Note>();

    protected override void OnModelCreating(ModelBuilder modelBuilder)
    {
        base.OnModelCreating(modelBuilder);
        modelBuilder.Entity<Note>(note =>
        {
            note.HasKey(x => new { x.OrgId, x.Id });
            note.Property(x => x.RowVersion).IsRowVersionColumn();
        });
    }
}

/// <summary>A negative quantity is poison until its organisation is <see cref="Mended"/>.</summary>
internal sealed class NoteWhenStockConsumed(NotesDb db) : IHear<StockConsumed>
{
    public static readonly ConcurrentDictionary<Guid, bool> Mended = [];

    public Task Hear(IReadOnlyList<Envelope<StockConsumed>> messages, CancellationToken cancel)
    {
        foreach (var envelope in messages)
        {
            if (!Mended.ContainsKey(envelope.OrgId!.Value) && envelope.Message.Items.Any(item => item.Quantity < 0))
            {
                throw new InvalidDataException("Nobody consumes a negative quantity.");
            }

            db.Notes.Add(new Note { OrgId = envelope.OrgId.Value, Id = Guid.CreateVersion7(), Text = $"consumed {envelope.Message.OrderId}" });
            db.Publish(new OrderConfirmed(envelope.Message.OrderId, 1, 100, "GBP", DateTimeOffset.UnixEpoch), cause: envelope.Cause());
        }

        return Task.CompletedTask;
    }
}

public sealed class NotesFixture() : ServiceFixture("orders", (settings, configure) => new RunningNotes(settings, configure));

internal sealed class RunningNotes(string[] settings, Action<IServiceCollection> configure) : IRunningService
{
    private readonly WebApplication _app = Notes.Build(settings, configure);

    public Uri Address => new(_app.Urls.First());

    public IServiceProvider Services => _app.Services;

    public Task Start() => _app.StartAsync();

    public async ValueTask DisposeAsync()
    {
        await _app.StopAsync();
        await _app.DisposeAsync();
    }
}
