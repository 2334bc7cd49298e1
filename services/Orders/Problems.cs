using Microsoft.AspNetCore.Http.HttpResults;
using OpsPlatform.Orders.Orders;
using OpsPlatform.ServiceDefaults.Http;

namespace OpsPlatform.Orders;

/// <summary>Every refusal this service can answer.</summary>
internal static class Problems
{
    public static ProblemHttpResult IdTaken(Guid id) => Problem.Of(
        "id-taken", 409, "The id belongs to something else.", "It was stored with other content, or deleted since. Choose another id, or repeat the first request unchanged.", ("id", id));

    public static ProblemHttpResult CodeTaken(string code) => Problem.Of(
        "code-taken", 409, "The code is in use.", "Another menu item has it. Choose another code.", ("code", code));

    public static ProblemHttpResult UnknownMenuItem(IReadOnlyList<Guid> ids) => Problem.Of(
        "unknown-menu-item", 422, "Something ordered is not on the menu.", "Read /menu again; nothing was stored.", ("menuItemIds", ids));

    public static ProblemHttpResult MixedCurrencies(IReadOnlyList<string> currencies) => Problem.Of(
        "mixed-currencies", 422, "The items are priced in different currencies.", "Place one order for each currency.", ("currencies", currencies));

    public static ProblemHttpResult OrderTooLarge() => Problem.Of(
        "order-too-large", 422, "The order's total cannot be represented.", $"The total must not be above {long.MaxValue} minor units.");

    public static ProblemHttpResult OccurredAtOutOfRange(DateTimeOffset from, DateTimeOffset to) => Problem.Of(
        "invalid",
        400,
        "Some values are not acceptable.",
        "See errors for each value.",
        ("errors", new Dictionary<string, string[]> { ["occurredAt"] = [$"must be from {from:O} to {to:O}"] }));

    public static ProblemHttpResult EmptyRange() => Problem.Of(
        "invalid", 400, "Some values are not acceptable.", "See errors for each value.", ("errors", new Dictionary<string, string[]> { ["to"] = ["must be after from"] }));

    public static ProblemHttpResult ExportNotReady(Guid id) => Problem.Of(
        "export-not-ready", 409, "The file is not whole.", "It is being written, or its writing failed or was cancelled: the operation says which.", ("operation", $"/operations/{id}"));

    public static ProblemHttpResult TooManyOrders() => Problem.Of(
        "too-many-orders", StatusCodes.Status503ServiceUnavailable, "Too many orders of the organisation wait here.", "Nothing was done. Send the same again after Retry-After.");

    public static ProblemHttpResult OrderState(OrderView order, string wanted) => Problem.Of(
        "order-state", 409, $"The order cannot be {wanted}.", "Its state does not allow it.", ("order", order));

    public static ProblemHttpResult OrderRejected(OrderView order) => Problem.Of(
        "order-rejected",
        409,
        "The order cannot be served.",
        "Stock does not allow it; nothing was consumed. See reasons.",
        ("reasons", order.Reasons),
        ("missing", order.Reasons.Where(reason => reason.IngredientId is not null).ToArray()),
        ("order", order));
}
