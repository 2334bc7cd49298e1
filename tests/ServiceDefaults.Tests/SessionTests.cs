using System.Net.Http.Json;
using OpsPlatform.Contracts;
using OpsPlatform.Testing;

namespace OpsPlatform.ServiceDefaults.Tests;

/// <summary>Sessions of the relays' pool are not reset between uses.</summary>
public sealed class SessionTests : HeldOperations
{
    [Fact]
    public async Task What_the_frame_does_for_an_organisation_leaves_nothing_on_a_session()
    {
        using var client = First.Client(Org, user: User);
        (await client.PostAsJsonAsync("/notes", new { text = "a note" })).EnsureSuccessStatusCode();
        await First.Broker.Publish(Org, new StockConsumed(Guid.NewGuid(), [new(Guid.NewGuid(), -1)]));
        using var admin = First.Client(Org, "admin");
        await Eventually.Is(async () => (await admin.GetStringAsync("/orders/errors")).Contains("StockConsumed", StringComparison.Ordinal));
        (await admin.PostAsync("/orders/errors/retry", null)).EnsureSuccessStatusCode();

        // One waits for the other and says so, and both end.
        var pieces = new[] { await Add("held"), await Add("held") };
        await Reports.Next(Org, x => x.OperationId == pieces[1].Id && x.Cause == "lock");
        foreach (var piece in pieces)
        {
            piece.MayEnd.SetResult();
            (await Ends.Next(Org)).Message.Operation.OperationId.ShouldBe(piece.Id);
        }

        (await First.LeftOnRelaySessions()).ShouldBeEmpty();
    }
}
