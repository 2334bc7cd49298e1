using System.Data;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Options;
using Npgsql;
using OpsPlatform.OperationTracking.Timeline;
using OpsPlatform.ServiceDefaults.Database;
using OpsPlatform.ServiceDefaults.Tenancy;

namespace OpsPlatform.OperationTracking.Checkpoints;

/// <summary>
/// Signs how far each organisation's timeline has come, when it has gone on for so long or by so many entries. What is signed follows entry by
/// entry from what was signed before: a timeline that was written anew gets no signature. Every replica does it; a checkpoint is kept once.
/// </summary>
internal sealed partial class SignCheckpoints(
    ServiceDatabase database, IServiceScopeFactory scopes, CheckpointKeys keys, IOptions<CheckpointOptions> options, TimeProvider time, ILogger<SignCheckpoints> log)
    : BackgroundService
{
    private const long MostUnsignedEntries = 1_000;

    /// <summary>Organisations of one look; the next look signs the others.</summary>
    private const int MostAtOnce = 1_000;

    private const string Self = "operations";

    private static readonly TimeSpan LongestInterval = TimeSpan.FromSeconds(10);

    /// <summary>Looks once.</summary>
    public async Task Run(CancellationToken cancel)
    {
        foreach (var org in await Organisations(cancel))
        {
            try
            {
                await using var scope = scopes.CreateAsyncScope();
                scope.ServiceProvider.GetRequiredService<Caller>().ActFor(org, Self);
                await Sign(scope.ServiceProvider.GetRequiredService<OperationsDb>(), org, cancel);
            }
            catch (Exception fault) when (!cancel.IsCancellationRequested)
            {
                // What goes wrong with one must not keep the others waiting.
                Failed(org, fault);
            }
        }
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        if (!keys.CanSign)
        {
            NoKey();
            return;
        }

        await database.Ready.WaitAsync(stoppingToken);
        var every = options.Value.CheckpointEvery;
        using var timer = new PeriodicTimer(every < LongestInterval ? every : LongestInterval, time);
        while (await timer.WaitForNextTickAsync(stoppingToken))
        {
            try
            {
                await Run(stoppingToken);
            }
            catch (NpgsqlException fault)
            {
                Failed(null, fault);
            }
        }
    }

    private async Task<List<Guid>> Organisations(CancellationToken cancel)
    {
        await using var find = database.Relay.CreateCommand("SELECT organisations_to_sign($1, $2, $3)");
        find.Parameters.Add(new() { Value = time.GetUtcNow() - options.Value.CheckpointEvery });
        find.Parameters.Add(new() { Value = MostUnsignedEntries });
        find.Parameters.Add(new() { Value = MostAtOnce });
        List<Guid> found = [];
        await using var rows = await find.ExecuteReaderAsync(cancel);
        while (await rows.ReadAsync(cancel))
        {
            found.Add(rows.GetGuid(0));
        }

        return found;
    }

    private async Task Sign(OperationsDb db, Guid org, CancellationToken cancel)
    {
        if (await Next(db, org, cancel) is not { } checkpoint)
        {
            return;
        }

        var jws = keys.Sign(checkpoint);
        // Another replica may have been here first.
        if (await db.Database.ExecuteSqlAsync(
            $"INSERT INTO timeline_checkpoints (position, jws, signed_at) VALUES ({checkpoint.Position}, {jws}, {checkpoint.At}) ON CONFLICT DO NOTHING", cancel) > 0)
        {
            Signed(org, checkpoint.Position, checkpoint.Hash, jws);
        }
    }

    /// <returns>Null when what stands in the timeline does not follow from what was signed before.</returns>
    private async Task<Checkpoint?> Next(OperationsDb db, Guid org, CancellationToken cancel)
    {
        await using var snapshot = await db.Database.BeginTransactionAsync(IsolationLevel.RepeatableRead, cancel);
        var head = await db.TimelineHeads.AsNoTracking().SingleAsync(x => x.OrgId == org, cancel);
        var kept = await db.TimelineCheckpoints.AsNoTracking().OrderByDescending(x => x.Position).FirstOrDefaultAsync(cancel);
        var before = kept is null ? null : keys.Verify(kept.Jws);
        if (kept is not null && (before?.Org, before?.Position) != (org, kept.Position))
        {
            Unknown(org, kept.Position);
            return null;
        }

        var (last, hash) = before is null ? (0, Chain.Beginning) : (before.Position, Convert.FromHexString(before.Hash));
        await foreach (var entry in Chain.Follow(db, last, hash, cancel))
        {
            (last, hash) = (entry.Position, entry.Hash);
        }

        if (last == head.Position && hash.SequenceEqual(head.Hash))
        {
            return new(org, last, Convert.ToHexStringLower(hash), time.GetUtcNow());
        }

        Broken(org, last + 1);
        return null;
    }

    [LoggerMessage(LogLevel.Information, "Checkpoint of organisation {Org} at position {Position}, hash {Hash}: {Jws}")]
    private partial void Signed(Guid org, long position, string hash, string jws);

    [LoggerMessage(LogLevel.Warning, "Checkpoints of timelines are not signed: set Audit__SigningKey")]
    private partial void NoKey();

    [LoggerMessage(LogLevel.Error, "The timeline of organisation {Org} is not signed: no key known here signed its checkpoint at position {Position}. If the key was changed, name the one before in Audit__FormerKeys")]
    private partial void Unknown(Guid org, long position);

    [LoggerMessage(LogLevel.Error, "The timeline of organisation {Org} is not signed: position {Position} does not follow from what was signed before. GET /operations/audit says what was done to it")]
    private partial void Broken(Guid org, long position);

    [LoggerMessage(LogLevel.Error, "The timeline of organisation {Org} was not signed; the next look does it")]
    private partial void Failed(Guid? org, Exception fault);
}
