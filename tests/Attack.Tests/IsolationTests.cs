using System.Text.Json.Nodes;
using OpsPlatform.Attack.Tests.Api;
using OpsPlatform.Attack.Tests.Fixtures;
using OpsPlatform.Attack.Tests.Hostile;

namespace OpsPlatform.Attack.Tests;

/// <summary>Every operation of the OpenAPI document, asked by another organisation for what is not its own.</summary>
public sealed class IsolationTests(AttackSystem system, ITestOutputHelper output)
{
    /// <summary>What a path names there is the same for everybody.</summary>
    private static readonly string[] NotOnesOwn = ["PUT /analytics/settings/tax/{validFrom}", "DELETE /analytics/settings/tax/{validFrom}"];

    private readonly List<string> _defects = [];
    private readonly System.Text.StringBuilder _written = new();
    private int _sent;

    /// <summary>Reads come first: what a stranger has written before is their own copy, and no leak when they read it.</summary>
    private IEnumerable<Operation> Operations => system.Api.Operations.OrderBy(operation => operation.Method != "GET");

    [Fact]
    public async Task A_strangers_request_for_what_is_not_theirs_finds_nothing_and_changes_nothing_and_the_owners_is_answered()
    {
        var victim = await World.Found(system, "victim");
        var stranger = await World.Found(system, "stranger");
        var forgeries = await Forger.Forgeries(system, victim.Owner.Token);
        List<(Operation Operation, Call Call)> calls = [];
        foreach (var operation in Operations)
        {
            calls.Add((operation, await AllFixtures.Table.Make(operation.Key, victim)));
        }

        await victim.RebuildsAreDone();
        var before = await Digest.Of(system, victim.Id);
        foreach (var (operation, owners) in calls.Where(pair => pair.Operation.NeedsToken))
        {
            var call = owners with { Credentials = null };
            var answer = await Ask(operation, "as it is", call, stranger, victim);
            if (answer.IsSuccess && operation.Path.Contains('{') && call.Past is null && !NotOnesOwn.Contains(operation.Key))
            {
                _defects.Add($"{operation}: a stranger who names the owner's thing is answered {answer}");
            }

            foreach (var (name, token) in forgeries.Append(("none", null!)))
            {
                var refusal = await system.Send(call, token);
                _sent++;
                if (refusal.Status != 401)
                {
                    _defects.Add($"{operation}: with a token {name} the answer is {refusal}");
                }
            }
        }

        await ShouldBeUnchanged(victim, before);
        foreach (var (operation, call) in calls)
        {
            var answer = await system.Send(call, operation.NeedsToken ? victim.Owner.Token : null);
            if (!call.IsAnswered(answer))
            {
                _defects.Add($"{operation}: the owner, who must be answered, hears {answer}");
            }
        }

        Conclude();
    }

    [Fact]
    public async Task Ids_cursors_keys_and_headers_of_another_organisation_open_nothing_wherever_they_are_put()
    {
        var victim = await World.Found(system, "victim");
        var stranger = await World.Found(system, "stranger");
        var things = await victim.Things();
        List<(Operation Operation, Call Own, string? Cursor)> asked = [];
        foreach (var operation in Operations.Where(operation => operation.NeedsToken))
        {
            var key = $"key-{Guid.NewGuid()}";
            var cursor = operation.Parameters.Any(parameter => parameter.Name == "cursor") ? await Cursor(operation, victim) : null;
            var own = await AllFixtures.Table.Make(operation.Key, stranger) with { Credentials = null };
            if (operation.Method == "POST")
            {
                // The victim's answer is stored under the key, for the victim alone.
                await system.Send((await AllFixtures.Table.Make(operation.Key, victim)).WithHeader("Idempotency-Key", key), victim.Owner.Token);
                own = own.WithHeader("Idempotency-Key", key);
            }

            asked.Add((operation, own, cursor));
        }

        await victim.RebuildsAreDone();
        var before = await Digest.Of(system, victim.Id);
        foreach (var (operation, own, cursor) in asked)
        {
            if (cursor is not null)
            {
                await Ask(operation, "the owner's cursor", own.WithQuery("cursor", cursor), stranger, victim);
            }

            foreach (var name in (string[])["X-Org-Id", "X-Organisation-Id", "X-Tenant-Id", "X-Ops-Org", "X-Original-Org", "Organisation-Id"])
            {
                if (operation.Method == "GET")
                {
                    await Ask(operation, name, own.WithHeader(name, victim.Id.ToString()), stranger, victim);
                }
            }

            foreach (var (kind, id) in things)
            {
                foreach (var parameter in operation.Parameters.Where(parameter => parameter is { In: "query", Schema.Format: "uuid" }))
                {
                    await Ask(operation, $"?{parameter.Name} of a {kind}", own with { Query = [.. own.Query.Where(pair => pair.Name != parameter.Name), (parameter.Name, id.ToString())] }, stranger, victim);
                }

                foreach (var place in operation.Body is { } body ? JsonPlace.Of(body, own.Json).Where(place => place.Schema.Format == "uuid") : [])
                {
                    var changed = JsonNode.Parse(place.Put(own.Json!, System.Text.Encoding.UTF8.GetBytes($"\"{id}\"")));
                    await Ask(operation, $"{place} of a {kind}", own with { Json = changed, Headers = [] }, stranger, victim);
                }

                await Ask(operation, $"?organisationId of a {kind}", own.WithQuery("organisationId", id).WithQuery("orgId", id), stranger, victim);
            }
        }

        await ShouldBeUnchanged(victim, before);
        Conclude();
    }

    [Fact]
    public async Task A_stream_shows_a_stranger_none_of_the_owners_changes()
    {
        var victim = await World.Found(system, "victim");
        var stranger = await World.Found(system, "stranger");
        var streams = system.Api.Operations.Where(operation => operation.Document["responses"]?["200"]?["content"]?["text/event-stream"] is not null)
            // A stream of what is named, in the path or by a query that has to be there, is asked for like any other answer about it, and refused like that.
            .Where(operation => !operation.Parameters.Any(parameter => parameter.IsRequired)).ToArray();
        streams.ShouldNotBeEmpty();
        foreach (var operation in streams)
        {
            var service = operation.Path.Split('/')[1];
            var ticket = (await stranger.Ok(Call.Post($"/{service}/tickets"))).GetProperty("ticket").GetString()!;
            using var http = new HttpClient { BaseAddress = system.Gateway };
            using var timeout = new CancellationTokenSource(TimeSpan.FromSeconds(20));
            using var request = new HttpRequestMessage(HttpMethod.Get, $"{operation.Path}?stream=1&after=0&ticket={ticket}");
            request.Headers.Accept.ParseAdd("text/event-stream");
            using var response = await http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, timeout.Token);
            ((int)response.StatusCode).ShouldBe(200, operation.Key);
            using var reader = new StreamReader(await response.Content.ReadAsStreamAsync(timeout.Token));

            // What the victim does goes the same way and comes first.
            await Shown(service, victim);
            var last = await Shown(service, stranger);
            while (await reader.ReadLineAsync(timeout.Token) is { } line && !line.Contains(last.ToString(), StringComparison.Ordinal))
            {
                line.ShouldNotContain(victim.Marker);
                line.ShouldNotContain(victim.Id.ToString());
            }

            (await system.Send(Call.Get(operation.Path).WithQuery("ticket", ticket), stranger.Owner.Token)).Status.ShouldBe(401, "a ticket opens one stream only");
        }
    }

    /// <summary>Something that the service's stream tells to those who may see it.</summary>
    private static Task<Guid> Shown(string service, World world) => service switch
    {
        "sync" => world.NewIngredient(),
        "operations" => world.NewPosted(),
        _ => throw new InvalidOperationException($"Say what the stream of {service} shows."),
    };

    private static async Task<string?> Cursor(Operation operation, World victim)
    {
        var call = await AllFixtures.Table.Make(operation.Key, victim);
        if (call.RightRefusal is not null)
        {
            return null;
        }

        var page = await victim.Ok(call with { Query = [.. call.Query.Where(pair => pair.Name is not "limit"), ("limit", "1")] });
        return page.TryGetProperty("nextCursor", out var cursor) && cursor.ValueKind == System.Text.Json.JsonValueKind.String ? cursor.GetString() : null;
    }

    private async Task<Answer> Ask(Operation operation, string what, Call call, World asker, World victim)
    {
        var answer = await system.Send(call, asker.Owner.Token);
        _sent++;
        if (answer.Status >= 500)
        {
            _defects.Add($"{operation} [{what}]: breaks: {answer}");
        }

        _written.Append(call.Json?.ToJsonString());
        if (victim.Leaks.In(answer, call.Everything + _written) is { Count: > 0 } leaks)
        {
            _defects.Add($"{operation} [{what}]: a stranger is told {string.Join(", ", leaks.Take(5))} in {answer}");
        }

        return answer;
    }

    private async Task ShouldBeUnchanged(World victim, SortedDictionary<string, string> before)
    {
        before.Count.ShouldBeGreaterThan(20);
        foreach (var difference in Digest.Differences(before, await Digest.Of(system, victim.Id)))
        {
            _defects.Add($"Strangers changed {difference}");
        }
    }

    private void Conclude()
    {
        output.WriteLine($"{_sent} requests to {system.Api.Operations.Count} operations");
        _defects.ShouldBeEmpty($"{_defects.Count} defects:\n{string.Join('\n', _defects)}\n");
    }
}
