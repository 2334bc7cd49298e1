using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using OpsPlatform.Contracts;
using OpsPlatform.Testing;

namespace OpsPlatform.OperationTracking.Tests;

/// <summary>An organisation whose members have to agree to what somebody of it wants done.</summary>
public sealed class Board(OperationsFixture service)
{
    public const string Digest = "d-1";

    public Desk Desk { get; } = service.Desk();

    public static ApprovalGroup Managers(int votes = 1, bool hasVeto = false) => new("managers", votes, ["admin"], HasVeto: hasVeto);

    public static ApprovalPolicy Policy(params ApprovalGroup[] groups) => new(groups);

    public static OperationPlan Plan(ApprovalPolicy policy, string digest = Digest, string effect = """{"lines": [{"item": "flour", "price": 2}]}""") => new(digest, effect, policy, 3, 10, 1);

    public Guid Member(string role = "admin", string name = "Ada", Guid? user = null)
    {
        var id = user ?? Guid.NewGuid();
        service.Identity.Join(Desk.Org, id, role, name);
        return id;
    }

    public void Leaves(Guid user) => service.Identity.Leave(Desk.Org, user);

    /// <summary>An operation whose plan has been asked for and looked at once.</summary>
    public Task<OperationStarted> Asked(params ApprovalGroup[] groups) => Asked(Plan(Policy(groups)));

    public async Task<OperationStarted> Asked(OperationPlan plan)
    {
        var operation = Desk.Operation(change: x => x with { Plan = plan });
        await Desk.Say(operation);
        await Desk.RowShows(operation.OperationId, "status = 'waiting_for_approval'");
        await IsLookedAt(operation.OperationId);
        return operation;
    }

    public Task IsLookedAt(Guid id) => Eventually.Is(async () => await Desk.Sql<long>($"SELECT count(*) FROM approvals WHERE operation_id = '{id}' AND next_look_at > asked_at") == 1);

    public async Task<(HttpStatusCode Status, JsonElement Body)> Vote(
        Guid id, Guid user, string decision = "approve", string? reason = null, string digest = Digest, HttpClient? client = null)
    {
        using var own = client is null ? Desk.Client(user: user) : null;
        using var answer = await (client ?? own!).PostAsJsonAsync($"/operations/{id}/votes", new { decision, reason, digest });
        var text = await answer.Content.ReadAsStringAsync();
        return (answer.StatusCode, text.Length == 0 ? default : JsonDocument.Parse(text).RootElement);
    }

    /// <summary>A vote that is taken.</summary>
    public async Task<JsonElement> Votes(Guid id, Guid user, string decision = "approve", string? reason = null, string digest = Digest)
    {
        var (status, body) = await Vote(id, user, decision, reason, digest);
        status.ShouldBe(HttpStatusCode.OK, body.ToString());
        return body;
    }

    public async Task IsRefused(Guid id, Guid user, HttpStatusCode expected, string problem, string decision = "approve", string? reason = null, string digest = Digest)
    {
        var (status, body) = await Vote(id, user, decision, reason, digest);
        status.ShouldBe(expected, body.ToString());
        body.Problem().ShouldBe(problem);
    }

    public async Task<JsonElement> Approval(Guid id, Guid? user = null)
    {
        using var client = Desk.Client(user: user);
        return await Desk.Get($"/operations/{id}/approval", client: client);
    }

    /// <summary>The operations that wait for the user's vote.</summary>
    public async Task<Guid[]> WaitingFor(Guid user)
    {
        using var client = Desk.Client(user: user);
        return [.. (await Desk.Get("/operations/approvals", client: client)).GetProperty("items").EnumerateArray().Select(x => x.GetProperty("operationId").GetGuid())];
    }

    /// <summary>The details of an operation's timeline entries of the event.</summary>
    public async Task<JsonElement[]> Details(Guid id, string told) =>
        [.. (await Desk.Get($"/operations/{id}/timeline")).GetProperty("items").EnumerateArray().Where(x => x.Text("event") == told).Select(x => x.GetProperty("details"))];

    public Task Shows(Guid id, string status) => Desk.Shows(id, x => x.Text("status") == status);
}
