using System.Globalization;
using System.Net;
using OpsPlatform.Replay.Gateway;
using OpsPlatform.Replay.Pack;

namespace OpsPlatform.Replay.Play;

/// <summary>Places every order at its own time, confirming it in the same request, without waiting for the decision.</summary>
internal sealed class PlaySales(GatewayClient client, Guid organisationId, BakeryPack pack, int parallel)
{
    public async Task Run(IReadOnlyList<PlannedOrder> orders, Progress progress, CancellationToken cancel)
    {
        var options = new ParallelOptions { MaxDegreeOfParallelism = parallel, CancellationToken = cancel };

        await Parallel.ForEachAsync(orders, options, async (order, stop) =>
        {
            var answer = await client.Post("orders", Body(order), stop);

            if (answer is { Status: HttpStatusCode.Conflict, Slug: "id-taken" })
            {
                throw new InputException(
                    $"Ticket {order.Ticket.Number} is in this organisation already with other content: other sales were played here. "
                    + "Use --register NAME for a fresh organisation.");
            }

            if (!answer.IsSuccess)
            {
                throw answer.Failure($"ticket {order.Ticket.Number}");
            }

            progress.Add();
        });

        progress.Finish();
    }

    private object Body(PlannedOrder order) => new
    {
        order.Id,
        OccurredAt = order.Ticket.OccurredAt.ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture),
        Lines = order.Lines.Select(line => new { MenuItemId = StableId.MenuItem(organisationId, pack.Items[line.Item].Code), line.Quantity }),
        Confirm = true,
        Note = string.Create(CultureInfo.InvariantCulture, $"ticket {order.Ticket.Number}"),
    };
}
