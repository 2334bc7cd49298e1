using System.ComponentModel.DataAnnotations;
using Microsoft.AspNetCore.Http.HttpResults;
using OpsPlatform.ServiceDefaults.Idempotency;
using OpsPlatform.ServiceDefaults.Tenancy;

namespace OpsPlatform.Orders.Orders;

/// <summary>
/// Takes an order at the menu's prices and, when asked, requests its confirmation in the same transaction.
/// The same request again under the same id answers with the order it made.
/// </summary>
internal static class PlaceOrder
{
    private static readonly TimeSpan MaxAhead = TimeSpan.FromHours(24);
    private static readonly DateTimeOffset Earliest = new(2000, 1, 1, 0, 0, 0, TimeSpan.Zero);

    public sealed record Request(
        [Length(1, Request.MaxLines)] IReadOnlyList<Line> Lines,
        Guid? Id = null,
        DateTimeOffset? OccurredAt = null,
        Person? Customer = null,
        bool Confirm = false,
        [StringLength(Request.MaxNoteLength)] string? Note = null)
    {
        private const int MaxLines = 200;
        private const int MaxNoteLength = 500;
    }

    public sealed record Line(Guid MenuItemId, [Range(1, Line.MaxQuantity)] int Quantity)
    {
        private const int MaxQuantity = 10_000;
    }

    /// <summary>The customer, by an e-mail address or by another system's id; the name is kept when the person is new.</summary>
    public sealed record Person(
        [EmailAddress, StringLength(Person.MaxEmailLength)] string? Email = null,
        [StringLength(Person.MaxLength, MinimumLength = 1)] string? ExternalId = null,
        [StringLength(Person.MaxLength)] string? Name = null) : IValidatableObject
    {
        private const int MaxEmailLength = 254;
        private const int MaxLength = 200;

        public IEnumerable<ValidationResult> Validate(ValidationContext validationContext)
        {
            if (Email is null == ExternalId is null)
            {
                yield return new("give exactly one of email and externalId", ["Email"]);
            }
        }
    }

    public static async Task<Results<Created<OrderView>, Accepted<OrderView>, Ok<OrderView>, ProblemHttpResult, KeyAnswer>> Handle(
        Request request,
        OrderDesk desk,
        OrdersDb db,
        DecisionWait decisions,
        KeyedRequest keyed,
        Caller caller,
        TimeProvider time,
        HttpContext http)
    {
        var patience = PreferWait.Of(http);
        var now = OrderDraft.WholeMicroseconds(time.GetUtcNow());
        if (request.OccurredAt is { } occurredAt && (occurredAt < Earliest || occurredAt > now + MaxAhead))
        {
            return Problems.OccurredAtOutOfRange(Earliest, now + MaxAhead);
        }

        var draft = OrderDraft.Of(request, now);
        using var decision = decisions.Start(caller.Org, draft.Id);
        var waits = request.Confirm ? patience : null;
        var placed = await desk.Place(new(draft, caller.Behalf, keyed.Held, placed => Answer(http, placed, waits), http.RequestAborted));
        if (placed.Order is { } order && waits is { } wait)
        {
            order = await decision.Decided(db, order, wait, http.RequestAborted);
            placed = order.Status == OrderStatus.Rejected
                ? new(order, Refusal: Problems.OrderRejected(OrderView.Of(order)))
                : placed with { Order = order };
        }

        return Answer(http, placed, waits);
    }

    private static Results<Created<OrderView>, Accepted<OrderView>, Ok<OrderView>, ProblemHttpResult, KeyAnswer> Answer(
        HttpContext http, Placement placed, TimeSpan? waits)
    {
        if (placed.Order is not null && waits is { } wait)
        {
            PreferWait.Applied(http, wait);
        }

        return placed switch
        {
            { ByKey: { } answer } => answer,
            { Refusal: { StatusCode: StatusCodes.Status503ServiceUnavailable } busy } => ComeAgain(http, busy),
            { Refusal: { } refusal } => refusal,
            { IsNew: true, Order: { Status: OrderStatus.Placed } order } => TypedResults.Created(Location(order), OrderView.Of(order)),
            { IsNew: true, Order: { Status: OrderStatus.Confirming } order } => TypedResults.Accepted(Location(order), OrderView.Of(order)),
            _ => TypedResults.Ok(OrderView.Of(placed.Order!)),
        };
    }

    private static ProblemHttpResult ComeAgain(HttpContext http, ProblemHttpResult busy)
    {
        http.Response.Headers.RetryAfter = "1";
        return busy;
    }

    private static string Location(Order order) => $"/orders/{order.Id}";
}
