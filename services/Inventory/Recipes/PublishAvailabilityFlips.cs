using Microsoft.EntityFrameworkCore;
using OpsPlatform.Contracts;
using OpsPlatform.ServiceDefaults.Database;
using OpsPlatform.ServiceDefaults.Messaging;
using OpsPlatform.ServiceDefaults.Tenancy;

namespace OpsPlatform.Inventory.Recipes;

/// <summary>
/// Tells when a recipe can be made again or no more: soon after stock or a recipe changed, at most every half second,
/// and by a slow sweep over all organisations for what a crash left untold.
/// </summary>
internal sealed partial class PublishAvailabilityFlips(
    IServiceScopeFactory scopes, AvailabilitySignal signal, ServiceDatabase database, TimeProvider time, ILogger<PublishAvailabilityFlips> log) : BackgroundService
{
    private static readonly TimeSpan Gather = TimeSpan.FromMilliseconds(500);
    private static readonly TimeSpan SweepInterval = TimeSpan.FromMinutes(1);
    private static readonly TimeSpan RetryDelay = TimeSpan.FromSeconds(2);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        await database.Ready.WaitAsync(stoppingToken);
        DateTimeOffset? sweptAt = null;
        while (!stoppingToken.IsCancellationRequested)
        {
            var due = signal.Take();
            var allTold = true;
            if (sweptAt is null || time.GetUtcNow() - sweptAt > SweepInterval)
            {
                sweptAt = time.GetUtcNow();
                allTold &= await Tried(async () => due = [.. due.Union(await Everyone(stoppingToken))], stoppingToken);
            }

            foreach (var org in due)
            {
                allTold &= await Tried(() => Publish(org, stoppingToken), stoppingToken);
            }

            // Whoever was missed is found by the next sweep, so that one comes soon.
            sweptAt = allTold ? sweptAt : null;
            await Task.Delay(Gather, time, stoppingToken);
            await signal.Wait(allTold ? SweepInterval : RetryDelay, stoppingToken);
        }
    }

    private async Task<bool> Tried(Func<Task> work, CancellationToken cancel)
    {
        try
        {
            await work();
            return true;
        }
        catch (Exception exception) when (!cancel.IsCancellationRequested)
        {
            Waiting(exception.Message);
            return false;
        }
    }

    private async Task<List<Guid>> Everyone(CancellationToken cancel)
    {
        await using var scope = scopes.CreateAsyncScope();
        return await scope.ServiceProvider.GetRequiredService<InventoryDb>().Database
            .SqlQuery<Guid>($"""SELECT organisations_with_recipes AS "Value" FROM organisations_with_recipes()""").ToListAsync(cancel);
    }

    private async Task Publish(Guid org, CancellationToken cancel)
    {
        await using var scope = scopes.CreateAsyncScope();
        scope.ServiceProvider.GetRequiredService<Caller>().ActFor(org, "inventory");
        var db = scope.ServiceProvider.GetRequiredService<InventoryDb>();
        await using var transaction = await db.Database.BeginTransactionAsync(cancel);
        // One at a time: a replica that looked earlier must not write later.
        await db.Database.ExecuteSqlAsync($"SELECT pg_advisory_xact_lock(hashtextextended({"availability " + org}, 0))", cancel);
        var flips = await db.Database.SqlQuery<RecipeAvailabilityChanged>(
            $"""
            INSERT INTO recipe_availability_sent AS sent (recipe_id, is_available, version)
            SELECT coalesce(now.recipe_id, told.recipe_id), coalesce(now.is_available, false), 1
            FROM recipe_availability now FULL JOIN recipe_availability_sent told USING (recipe_id)
            ON CONFLICT (org_id, recipe_id) DO UPDATE SET is_available = excluded.is_available, version = sent.version + 1
              WHERE sent.is_available <> excluded.is_available
            RETURNING recipe_id AS "RecipeId", is_available AS "IsAvailable", version AS "Version"
            """).ToListAsync(cancel);
        foreach (var flip in flips)
        {
            db.Publish(flip);
        }

        await db.SaveChangesAsync(cancel);
        await transaction.CommitAsync(cancel);
    }

    [LoggerMessage(LogLevel.Warning, "Availability is told later: {Reason}")]
    private partial void Waiting(string reason);
}

internal static class AvailabilityFlips
{
    public static void AddAvailabilityFlips(this WebApplicationBuilder builder)
    {
        builder.Services.AddSingleton<AvailabilitySignal>();
        builder.Services.AddScoped<RaiseAvailabilityAfterCommit>();
        builder.Services.ConfigureDbContext<InventoryDb>((services, options) => options.AddInterceptors(services.GetRequiredService<RaiseAvailabilityAfterCommit>()));
        builder.Services.AddHostedService<PublishAvailabilityFlips>();
    }
}
