using System.Text.Json;

namespace OpsPlatform.OperationTracking.Tests.Batches;

/// <summary>Somebody who has many parts of one thing done.</summary>
public static class Children
{
    public static Task<Guid> Batch(this Desk desk, params (string Name, object? Value)[] more) =>
        desk.Post([("operationType", "shop.counts"), ("rollsUp", true), .. more]);

    public static Task<JsonElement> End(this Desk desk, (Guid Id, long Fence) child, string outcome = "completed", HttpClient? client = null) =>
        desk.Done($"/operations/{child.Id}/end", new { fence = child.Fence, outcome, error = outcome == "failed" ? "No shelf." : null }, client);

    /// <summary>Of one that nobody has begun yet.</summary>
    public static async Task<JsonElement> End(this Desk desk, Guid id, string outcome = "completed") => await desk.End((id, await desk.Begin(id)), outcome);

    public static async Task IsIntact(this Desk desk)
    {
        using var admin = desk.Client("admin");
        (await desk.Get("/operations/audit", client: admin)).GetProperty("isIntact").GetBoolean().ShouldBeTrue();
    }
}
