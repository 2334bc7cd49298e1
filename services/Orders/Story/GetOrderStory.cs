using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.EntityFrameworkCore;
using OpsPlatform.ServiceDefaults.Hops;
using OpsPlatform.ServiceDefaults.Tenancy;

namespace OpsPlatform.Orders.Story;

/// <summary>Tells every step of an order through all services: by its own rows here, and by what its neighbours say they did.</summary>
internal static class GetOrderStory
{
    /// <summary>Requests an order is told for, the first ones; more than a handful is a till gone wild.</summary>
    private const int MaxRequests = 16;

    private static readonly string[] Asked = ["inventory", "sync"];

    public static async Task<Results<Ok<OrderStory>, NotFound>> Handle(
        Guid id, OrdersDb db, HopReader hops, Neighbours neighbours, Caller caller, HttpContext http, CancellationToken cancel)
    {
        if (!await db.Orders.AnyAsync(x => x.Id == id, cancel))
        {
            return TypedResults.NotFound();
        }

        var changes = await hops.ReadEntity(caller.Org, "order", $"{id}", cancel);
        // A decision is heard in a group and bears the group's first request; what was asked about this order bears its own.
        Guid[] requests =
        [
            .. changes.Where(hop => hop is { What: "captured", CausationId: null, CorrelationId: not null })
                .Select(hop => hop.CorrelationId!.Value).Distinct().Take(MaxRequests),
        ];
        if (requests.Length == 0)
        {
            return TypedResults.Ok(OrderStory.Of(id, [], changes, []));
        }

        var asking = Asked.ToDictionary(service => service, service => neighbours.Ask(service, http, requests, id, cancel));
        var own = await hops.Read(caller.Org, requests, null, cancel);
        var told = await Task.WhenAll(asking.Values);
        return TypedResults.Ok(OrderStory.Of(
            id, requests, [.. changes, .. own, .. told.SelectMany(answer => answer ?? [])], [.. asking.Where(x => x.Value.Result is null).Select(x => x.Key)]));
    }
}
