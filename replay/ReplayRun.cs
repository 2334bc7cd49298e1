using OpsPlatform.Replay.Gateway;
using OpsPlatform.Replay.Pack;
using OpsPlatform.Replay.Play;
using OpsPlatform.Replay.Recompute;
using OpsPlatform.Replay.Reconcile;
using OpsPlatform.Replay.Sales;

namespace OpsPlatform.Replay;

/// <summary>One replay: load the pack, play the sales, wait for the decisions, compare everything.</summary>
internal sealed class ReplayRun(
    Options options,
    GatewayClient client,
    Guid organisationId,
    BakeryPack pack,
    IReadOnlyList<Ticket> tickets,
    TimeProvider clock,
    TextWriter output,
    bool isTerminal)
{
    private readonly Consumption consumption = new(pack);
    private readonly Mismatches mismatches = new();

    /// <exception cref="InputException">The organisation cannot take this pack.</exception>
    /// <exception cref="ServicesException">A service does not answer or refuses what it must take.</exception>
    public async Task<Report> Run(CancellationToken cancel)
    {
        var started = clock.GetTimestamp();
        var organisation = await RequireCurrency(cancel);

        var orders = PlannedOrder.From(organisationId, tickets, pack, consumption);
        var need = Consumption.Sum(orders.Select(order => order.Consumption));
        var opening = pack.Ingredients.Keys.ToDictionary(id => id, id => Opening.For(options.Stock, need.GetValueOrDefault(id)));
        var days = Math.Max(1, (tickets[^1].OccurredAt.Date - tickets[0].OccurredAt.Date).Days + 1);

        await new LoadPack(client, organisationId, pack, options.Parallel).Run(opening, need, days, Start("pack"), cancel);
        var placedBefore = (await client.Get<OrderSummary>("orders/summary", cancel)).Placed;

        var playing = clock.GetTimestamp();
        await new PlaySales(client, organisationId, pack, options.Parallel).Run(orders, Start("orders")(orders.Count), cancel);
        await new AwaitDecisions(client, clock, options.Patience).Run(placedBefore, Start("decisions"), cancel);
        var ordersPerSecond = orders.Count / clock.GetElapsedTime(playing).TotalSeconds;

        var stored = await ReadBack.All<Order>(client, "orders", cancel);
        var summary = await client.Get<OrderSummary>("orders/summary", cancel);
        var figures = CheckOrders.Run(organisationId, orders, stored, summary, pack, consumption, mismatches);

        var totals = await client.Get<ItemsOf<StockTotals>>("inventory/totals", cancel);
        var rows = await ReadBack.All<StockRow>(client, "ingredients", cancel);
        var stock = CheckStock.Run(organisationId, pack, opening, figures.Consumption, totals.Items, rows, mismatches);

        await new CheckAnalytics(client, clock, options.Patience, mismatches).Run(organisation, stored, orders.Select(order => order.Ticket.OccurredAt), cancel);

        var feed = await new CheckFeed(client, clock, options.Patience, mismatches).Run(Start("feed"), cancel);

        var report = new Report(
            tickets.Count,
            orders.Count,
            figures.Confirmed,
            figures.Rejected,
            figures.Cancelled,
            figures.Others,
            figures.RevenueMinor,
            BakeryPack.Currency,
            Consumed(stock, resale: false),
            Consumed(stock, resale: true),
            feed.Captured,
            feed.CapturedByService,
            feed.Entries,
            Math.Round(clock.GetElapsedTime(started).TotalSeconds, 3),
            Math.Round(ordersPerSecond, 1),
            client.Retries,
            organisationId,
            stock,
            [.. pack.HouseIngredients],
            mismatches.Lines);
        Print(report);

        return report;
    }

    private Func<int, Progress> Start(string what) => total => new Progress(output, clock, isTerminal, what, total);

    private async Task<Organisation> RequireCurrency(CancellationToken cancel)
    {
        var organisation = await client.Get<Organisation>("identity/organisation", cancel);

        if (organisation.Currency != BakeryPack.Currency)
        {
            throw new InputException(
                $"The organisation '{organisation.Name}' counts in {organisation.Currency}, the pack's prices are in {BakeryPack.Currency}. "
                + "Use --register NAME for a fresh organisation.");
        }

        return organisation;
    }

    private Dictionary<string, decimal> Consumed(IEnumerable<StockLine> stock, bool resale) =>
        stock.Where(line => pack.Ingredients[line.Id].IsResale == resale).ToDictionary(line => line.Id, line => line.Consumed - line.Restored);

    private void Print(Report report)
    {
        output.WriteLine();
        output.WriteLine($"{"",-24}{"opening",16}{"consumed",18}{"restored",14}{"other",14}{"closing",18}");

        foreach (var line in report.Stock)
        {
            output.WriteLine(
                $"{line.Id,-24}{line.Opening,16:0.######}{line.Consumed,18:0.######}{line.Restored,14:0.######}{line.OtherChange,14:0.######}{line.Closing,18:0.######} {line.Unit}");
        }

        output.WriteLine();
        output.WriteLine($"Tickets {report.Tickets:N0}, orders {report.Orders:N0}: {report.OrdersConfirmed:N0} confirmed, {report.OrdersRejected:N0} rejected, {report.OrdersCancelled:N0} cancelled.");
        output.WriteLine($"Revenue {report.RevenueMinor / 100m:N2} {report.Currency}.");
        output.WriteLine($"Changes captured {report.CapturedChanges:N0}, feed entries {report.FeedEntries:N0}.");
        output.WriteLine($"{report.Seconds:N1} s, {report.OrdersPerSecond:N0} orders/s, {report.Retries:N0} requests sent again.");

        if (report.OtherOrders > 0)
        {
            output.WriteLine($"The organisation holds {report.OtherOrders:N0} orders of other origin; their consumption of this pack's items is counted in.");
        }

        foreach (var line in report.Mismatches)
        {
            output.WriteLine($"MISMATCH {line}");
        }

        output.WriteLine(report.Mismatches.Count == 0 ? "Reconciled: every figure agrees." : $"{report.Mismatches.Count:N0} figures differ.");
    }
}
