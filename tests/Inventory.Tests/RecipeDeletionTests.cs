using System.Net;
using System.Net.Http.Json;
using System.Text.Json.Nodes;
using OpsPlatform.Contracts;

namespace OpsPlatform.Inventory.Tests;

/// <summary>What a recipe was stays when it is changed or deleted, until people agree that it shall be gone.</summary>
public sealed class RecipeDeletionTests(InventoryFixture fixture)
{
    private readonly Tenant _tenant = fixture.NewTenant();
    private readonly Guid _user = Guid.NewGuid();

    [Fact]
    public async Task What_a_recipe_was_before_stays_also_when_it_is_deleted()
    {
        var (bread, _) = await BreadOf(versions: 3);

        var versions = (await _tenant.Get($"/recipes/{bread}/versions?limit=1"))!;
        var first = versions["items"]!.AsArray().ShouldHaveSingleItem()!;
        ((string)first["name"]!, (decimal)first["yieldQuantity"]!).ShouldBe(("Name of bread", 3m));
        var rest = (await _tenant.Get($"/recipes/{bread}/versions?cursor={versions["nextCursor"]}"))!["items"]!.AsArray();
        rest.Select(x => (decimal)x!["yieldQuantity"]!).ShouldBe([2m, 1m]);
        ((DateTimeOffset)rest[0]!["validUntil"]!).ShouldBeLessThanOrEqualTo((DateTimeOffset)first["validFrom"]!);

        (await _tenant.Client.DeleteAsync($"/recipes/{bread}")).EnsureSuccessStatusCode();
        (await _tenant.Get($"/recipes/{bread}/versions"))!["items"]!.AsArray().Count.ShouldBe(4);
        (await fixture.NewTenant().Client.GetAsync($"/recipes/{bread}/versions")).StatusCode.ShouldBe(HttpStatusCode.NotFound);
        (await _tenant.Client.GetAsync($"/recipes/{Guid.NewGuid()}/versions")).StatusCode.ShouldBe(HttpStatusCode.NotFound);
    }

    [Fact]
    public async Task A_recipe_and_its_history_go_once_that_is_agreed_to()
    {
        var (starts, ends) = (await fixture.Broker.Listen<OperationStarted>(), await fixture.Broker.Listen<OperationEnded>());
        var (bread, flour) = await BreadOf(versions: 1200);
        var preview = (await _tenant.Get($"/recipes/{bread}/deletion"))!;
        ((int)preview["versions"]!, (bool)preview["isListed"]!, (bool)preview["cannotBeUndone"]!).ShouldBe((1200, true, true));

        var operation = await Accepted(await Ask(bread));

        var started = (await starts.Next(_tenant.Org)).Message;
        (started.OperationId, started.OperationType, started.UserId, started.EntityId).ShouldBe((operation, "inventory.delete_recipe", _user.ToString(), bread.ToString()));
        (started.Plan!.Records, started.Plan.Deletions).ShouldBe((1201L, 1201L));
        started.Plan.Policy.Groups.Single().ShouldSatisfyAllConditions(x => x.Votes.ShouldBe(2), x => x.Roles.ShouldBe(["admin", "owner"]));
        started.Plan.Policy.AllowsOwnVote.ShouldBeFalse();
        fixture.Votes.Asked[_user.ToString()]["deletions"]!.GetValue<long>().ShouldBe(1201);
        (await _tenant.Client.GetAsync($"/recipes/{bread}")).StatusCode.ShouldBe(HttpStatusCode.OK);
        var again = await Ask(bread);
        again.StatusCode.ShouldBe(HttpStatusCode.Conflict);
        (await again.Content.ReadAsStringAsync()).ShouldContain($"/operations/{operation}");

        await Approve(operation, started.Plan.Digest);
        var ended = (await ends.Next(_tenant.Org)).Message;
        (ended.Outcome, ended.Last!.Done, (int)JsonNode.Parse(ended.Result!)!["versionsDeleted"]!).ShouldBe(("completed", 1201L, 1201));
        (await _tenant.Client.GetAsync($"/recipes/{bread}")).StatusCode.ShouldBe(HttpStatusCode.NotFound);
        (await _tenant.Client.GetAsync($"/recipes/{bread}/versions")).StatusCode.ShouldBe(HttpStatusCode.NotFound);
        (await _tenant.Client.DeleteAsync($"/ingredients/{flour}")).StatusCode.ShouldBe(HttpStatusCode.NoContent);
        (await Ask(bread)).StatusCode.ShouldBe(HttpStatusCode.NotFound);
    }

    [Fact]
    public async Task What_was_changed_since_is_agreed_to_anew_and_what_came_to_contain_it_stops_it()
    {
        var (starts, replans, ends) = (await fixture.Broker.Listen<OperationStarted>(), await fixture.Broker.Listen<OperationReplanned>(), await fixture.Broker.Listen<OperationEnded>());
        var (bread, _) = await BreadOf(versions: 1);
        var operation = await Accepted(await Ask(bread));
        var agreed = (await starts.Next(_tenant.Org)).Message.Plan!;
        await Change(bread, 7);

        await Approve(operation, agreed.Digest);
        var replanned = (await replans.Next(_tenant.Org)).Message;
        (replanned.OperationId, (int)JsonNode.Parse(replanned.Plan.Effect)!["versions"]!).ShouldBe((operation, 2));
        (await _tenant.Client.GetAsync($"/recipes/{bread}")).StatusCode.ShouldBe(HttpStatusCode.OK);

        await _tenant.HasRecipe("sandwich", 1, Tenant.OfRecipe(bread, 1));
        await Approve(operation, replanned.Plan.Digest);
        var ended = (await ends.Next(_tenant.Org)).Message;
        (ended.Outcome, ended.Error).ShouldBe(("failed", "Another recipe contains it by now. Take it out of every recipe and ask again."));
    }

    [Fact]
    public async Task Of_a_recipe_deleted_before_its_history_goes()
    {
        var (starts, ends) = (await fixture.Broker.Listen<OperationStarted>(), await fixture.Broker.Listen<OperationEnded>());
        var (bread, _) = await BreadOf(versions: 2);
        (await _tenant.Client.DeleteAsync($"/recipes/{bread}")).EnsureSuccessStatusCode();
        var operation = await Accepted(await Ask(bread));
        await Approve(operation, (await starts.Next(_tenant.Org)).Message.Plan!.Digest);
        (await ends.Next(_tenant.Org)).Message.Outcome.ShouldBe("completed");
        (await _tenant.Client.GetAsync($"/recipes/{bread}/versions")).StatusCode.ShouldBe(HttpStatusCode.NotFound);
    }

    [Fact]
    public async Task What_nobody_could_agree_to_is_refused_and_nothing_is_held()
    {
        var (bread, _) = await BreadOf(versions: 0);
        fixture.Votes.Refusals[_user.ToString()] = 422;
        await (await Ask(bread)).ShouldRefuse(422, "policy-unsatisfiable");
        fixture.Votes.Refusals[_user.ToString()] = 503;
        await (await Ask(bread)).ShouldRefuse(503, "unavailable");
        fixture.Votes.Refusals.TryRemove(_user.ToString(), out _);
        await Accepted(await Ask(bread));
    }

    [Fact]
    public async Task Wrong_requests_are_told_what_is_wrong()
    {
        var (bread, _) = await BreadOf(versions: 0);
        await _tenant.HasRecipe("sandwich", 1, Tenant.OfRecipe(bread, 1));
        await (await Ask(bread)).ShouldRefuse(409, "recipe-in-use");
        await (await Ask(bread, "")).ShouldRefuse(400, "invalid");
        (await Ask(Guid.NewGuid())).StatusCode.ShouldBe(HttpStatusCode.NotFound);
        (await fixture.NewTenant().Client.GetAsync($"/recipes/{bread}/deletion")).StatusCode.ShouldBe(HttpStatusCode.NotFound);
        (await _tenant.As("staff").PostAsJsonAsync($"/recipes/{bread}/deletion", new { reason = "x" })).StatusCode.ShouldBe(HttpStatusCode.Forbidden);
    }

    private async Task<(Guid Bread, Guid Flour)> BreadOf(int versions)
    {
        var flour = await _tenant.HasIngredient("flour", 10);
        var bread = await _tenant.HasRecipe("bread", 1, Tenant.Of(flour, 1));
        for (var yield = 2; yield <= versions + 1; yield++)
        {
            await Change(bread, yield);
        }

        return (bread, flour);
    }

    private async Task Change(Guid recipe, int yield)
    {
        var now = (await _tenant.Get($"/recipes/{recipe}"))!;
        now["yieldQuantity"] = yield;
        (await _tenant.Client.PutAsJsonAsync($"/recipes/{recipe}", new { code = now["code"], name = now["name"], yieldQuantity = yield, yieldUnit = now["yieldUnit"], lines = now["lines"] }))
            .EnsureSuccessStatusCode();
    }

    private async Task<HttpResponseMessage> Ask(Guid recipe, string reason = "The supplier's contract has ended.")
    {
        using var client = fixture.Client(_tenant.Org, "admin", _user);
        return await client.PostAsJsonAsync($"/recipes/{recipe}/deletion", new { reason });
    }

    private static async Task<Guid> Accepted(HttpResponseMessage answer)
    {
        answer.StatusCode.ShouldBe(HttpStatusCode.Accepted, await answer.Content.ReadAsStringAsync());
        return Guid.Parse(answer.Headers.GetValues("Operation-Location").Single().Split('/')[2]);
    }

    private Task Approve(Guid operation, string digest) => fixture.Broker.Publish(_tenant.Org, new OperationApproved(operation, "inventory", digest));
}
