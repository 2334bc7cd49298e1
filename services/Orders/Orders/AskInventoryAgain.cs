using Microsoft.EntityFrameworkCore;
using Npgsql;
using OpsPlatform.Contracts;
using OpsPlatform.ServiceDefaults.Database;
using OpsPlatform.ServiceDefaults.Messaging;
using OpsPlatform.ServiceDefaults.Tenancy;

namespace OpsPlatform.Orders.Orders;

/// <summary>
/// Sends requests that Inventory leaves unanswered again, under their first id, so that a request that did arrive is not
/// applied twice. Every replica runs it; they skip what another one holds.
/// </summary>
internal sealed partial class AskInventoryAgain(
    IServiceScopeFactory scopes, ServiceDatabase database, IConfiguration configuration, TimeProvider time, ILogger<AskInventoryAgain> log)
    : BackgroundService
{
    private const int MaxOrders = 500;
    private static readonly TimeSpan DefaultAfter = TimeSpan.FromSeconds(30);

    /// <summary>How long an answer may take before the request is sent again.</summary>
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
        var askedBefore = time.GetUtcNow() - _after;
        foreach (var organisation in (await Unanswered(askedBefore, cancel)).GroupBy(x => x.OrgId, x => x.OrderId))
        {
            await using var scope = scopes.CreateAsyncScope();
            scope.ServiceProvider.GetRequiredService<Caller>().ActFor(organisation.Key, "orders");
            await AskAgain(scope.ServiceProvider.GetRequiredService<OrdersDb>(), [.. organisation], askedBefore, cancel);
        }
    }

    private async Task<List<(Guid OrgId, Guid OrderId)>> Unanswered(DateTimeOffset askedBefore, CancellationToken cancel)
    {
        await using var command = database.App.CreateCommand("SELECT org_id, order_id FROM unanswered_orders($1, $2)");
        command.Parameters.Add(new() { Value = askedBefore });
        command.Parameters.Add(new() { Value = MaxOrders });
        List<(Guid, Guid)> orders = [];
        await using var reader = await command.ExecuteReaderAsync(cancel);
        while (await reader.ReadAsync(cancel))
        {
            orders.Add((reader.GetGuid(0), reader.GetGuid(1)));
        }

        return orders;
    }

    private async Task AskAgain(OrdersDb db, Guid[] ids, DateTimeOffset askedBefore, CancellationToken cancel)
    {
        await using var transaction = await db.Database.BeginTransactionAsync(cancel);
        // A request still in the outbox is not lost: the broker is away, and it leaves when the broker is back.
        var orders = await db.Orders
            .FromSql(
                $"""
                SELECT * FROM orders o
                WHERE o.org_id = current_org() AND o.id = ANY({ids}) AND o.status IN ('confirming', 'cancelling') AND o.asked_at < {askedBefore}
                  AND NOT EXISTS (SELECT FROM outbox WHERE id = CASE o.status WHEN 'confirming' THEN o.confirmation_id ELSE o.cancellation_id END)
                FOR UPDATE SKIP LOCKED
                """)
            .Include(x => x.Lines)
            .ToListAsync(cancel);
        var now = time.GetUtcNow();
        foreach (var order in orders)
        {
            var (message, id) = order.AskAgain(now);
            db.Publish(message, id);
        }

        await db.SaveChangesAsync(cancel);
        await transaction.CommitAsync(cancel);
        if (orders.Count > 0)
        {
            AskedAgain(orders.Count);
        }
    }

    [LoggerMessage(LogLevel.Warning, "Inventory left {Orders} orders unanswered; they were sent again")]
    private partial void AskedAgain(int orders);

    [LoggerMessage("Unanswered orders could not be sent again; the next tick tries it")]
    private partial void Failed(LogLevel level, Exception fault);
}
