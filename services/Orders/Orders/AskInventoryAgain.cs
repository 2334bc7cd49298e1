using Microsoft.EntityFrameworkCore;
using OpsPlatform.ServiceDefaults.Database;
using OpsPlatform.ServiceDefaults.Messaging;
using OpsPlatform.ServiceDefaults.Tenancy;

namespace OpsPlatform.Orders.Orders;

/// <summary>
/// Asks again what Inventory leaves unanswered, as a new message each time: Inventory passes over a message it has applied,
/// but to a new one about an order it has decided it repeats its answer. Every replica runs it; they skip what another one holds.
/// </summary>
internal sealed partial class AskInventoryAgain(
    IServiceScopeFactory scopes, ServiceDatabase database, IConfiguration configuration, TimeProvider time, ILogger<AskInventoryAgain> log)
    : BackgroundService
{
    private const int MaxOrders = 500;
    private static readonly TimeSpan DefaultAfter = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan LongestAfter = TimeSpan.FromMinutes(15);

    /// <summary>How long the first answer may take before Inventory is asked again; every further one may take twice as long as the one before.</summary>
    private readonly TimeSpan _after = configuration.GetValue("Orders:ConfirmationResendAfter", DefaultAfter);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        await database.Ready.WaitAsync(stoppingToken);
        using var timer = new PeriodicTimer(_after / 4, time);
        while (await timer.WaitForNextTickAsync(stoppingToken))
        {
            try
            {
                await AskAgain(stoppingToken);
            }
            catch (Exception fault) when (!stoppingToken.IsCancellationRequested)
            {
                // A fault here must not end the service: orders are still taken, and the next tick tries again.
                Failed(Faults.IsTransient(fault) ? LogLevel.Warning : LogLevel.Error, fault);
            }
        }
    }

    private async Task AskAgain(CancellationToken cancel)
    {
        var now = time.GetUtcNow();
        foreach (var organisation in (await Unanswered(now, cancel)).GroupBy(x => x.OrgId, x => x.OrderId))
        {
            await using var scope = scopes.CreateAsyncScope();
            scope.ServiceProvider.GetRequiredService<Caller>().ActFor(organisation.Key, "orders");
            await AskAgain(scope.ServiceProvider.GetRequiredService<OrdersDb>(), [.. organisation], now, cancel);
        }
    }

    private async Task<List<(Guid OrgId, Guid OrderId)>> Unanswered(DateTimeOffset now, CancellationToken cancel)
    {
        await using var command = database.App.CreateCommand("SELECT org_id, order_id FROM unanswered_orders($1, $2, $3, $4)");
        command.Parameters.Add(new() { Value = now });
        command.Parameters.Add(new() { Value = _after });
        command.Parameters.Add(new() { Value = LongestAfter });
        command.Parameters.Add(new() { Value = MaxOrders });
        List<(Guid, Guid)> orders = [];
        await using var reader = await command.ExecuteReaderAsync(cancel);
        while (await reader.ReadAsync(cancel))
        {
            orders.Add((reader.GetGuid(0), reader.GetGuid(1)));
        }

        return orders;
    }

    private async Task AskAgain(OrdersDb db, Guid[] ids, DateTimeOffset now, CancellationToken cancel)
    {
        await using var transaction = await db.Database.BeginTransactionAsync(cancel);
        // What another replica asked since they were read has a younger time.
        var orders = await db.Orders
            .FromSql(
                $"""
                SELECT * FROM orders o
                WHERE o.org_id = (SELECT current_org()) AND o.id = ANY({ids}) AND o.status IN ('confirming', 'cancelling') AND o.asked_at < {now - _after}
                FOR UPDATE SKIP LOCKED
                """)
            .Include(x => x.Lines)
            .ToListAsync(cancel);
        foreach (var order in orders)
        {
            var message = order.AskAgain(Guid.CreateVersion7(now), now);
            db.Publish(message, order.AskedId);
        }

        await db.SaveChangesAsync(cancel);
        await transaction.CommitAsync(cancel);
        if (orders.Count > 0)
        {
            AskedAgain(orders.Count);
        }
    }

    [LoggerMessage(LogLevel.Warning, "Inventory left {Orders} orders unanswered; it was asked again")]
    private partial void AskedAgain(int orders);

    [LoggerMessage("Unanswered orders could not be asked for again; the next tick tries it")]
    private partial void Failed(LogLevel level, Exception fault);
}
