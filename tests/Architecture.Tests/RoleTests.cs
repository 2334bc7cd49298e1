using System.Net;
using System.Reflection;
using System.Text;
using System.Text.RegularExpressions;
using OpsPlatform.ServiceDefaults.Auth;

namespace OpsPlatform.Architecture.Tests;

/// <summary>Who may call what, of every service there is. Whoever adds an endpoint runs the command in docs/roles.md.</summary>
public sealed partial class RoleTests
{
    private const string WriteDocs = "UPDATE_DOCS";
    private static readonly string Document = Path.Combine(Repository.Root, "docs", "roles.md");

    public static TheoryData<string> Services => [.. Repository.Services];

    /// <summary>Without a database a request that is let in fails later and otherwise.</summary>
    [Theory]
    [MemberData(nameof(Services))]
    public async Task An_endpoint_lets_in_its_lowest_role_and_refuses_the_next_lower_one(string name)
    {
        await using var service = await Start(name);
        var org = Guid.NewGuid();
        List<string> wrong = [];
        foreach (var reach in service.Endpoints.Where(reach => EndpointRole.IsMembersOrPlatforms(reach.Role)))
        {
            var below = reach.Role switch
            {
                Roles.Viewer => "guest",
                Roles.Operator or Roles.Service => Roles.Staff,
                Roles.Platform => Roles.Owner,
                _ => Roles.Ranked[Roles.Ranked.ToList().IndexOf(reach.Role) - 1],
            };
            var lower = await Send(service, reach, service.Tokens.Token(org, below));
            var own = await Send(service, reach, reach.Role switch
            {
                Roles.Service or Roles.Platform => service.Tokens.ServiceToken("orders"),
                Roles.Operator => service.Tokens.Token(org, Roles.Admin),
                _ => service.Tokens.Token(org, reach.Role),
            });
            if (lower != HttpStatusCode.Forbidden || own is HttpStatusCode.Forbidden or HttpStatusCode.Unauthorized)
            {
                wrong.Add($"{reach}: {below} is answered {lower}, {reach.Role} {own}");
            }
        }

        wrong.ShouldBeEmpty();
    }

    [Theory]
    [MemberData(nameof(Services))]
    public async Task An_API_key_reaches_what_its_scope_covers_and_nothing_else(string name)
    {
        await using var service = await Start(name);
        var org = Guid.NewGuid();
        List<string> wrong = [];
        foreach (var reach in service.Endpoints.Where(reach => EndpointRole.IsMembersOrPlatforms(reach.Role)))
        {
            var others = service.Tokens.Token(org, change: claims => claims["scope"] = string.Join(' ', Scopes.All.Where(scope => scope != reach.Scope)));
            var answer = await Send(service, reach, others);
            if (answer != HttpStatusCode.Forbidden)
            {
                wrong.Add($"{reach} answers {answer} to all other scopes");
            }

            if (reach.Scope is not null && await Send(service, reach, service.Tokens.Token(org, change: claims => claims["scope"] = reach.Scope)) == HttpStatusCode.Forbidden)
            {
                wrong.Add($"{reach} refuses its own scope");
            }
        }

        wrong.ShouldBeEmpty();
    }

    [Fact]
    public async Task The_table_of_roles_is_that_of_the_endpoints()
    {
        var text = new StringBuilder("""
            # Who may call what

            Written by the tests from the endpoints themselves; after a change write it anew by

                ./run docs

            **Role** is the lowest that is let in: viewer, staff, admin, owner. *service* lets in the platform's own services, and admins
            and owners; *operator* the operator key, and admins and owners for their organisation; *platform* the operator key and the
            platform's services, and no member; *anonymous* asks for no access token; any other word names a proof of that service's own,
            such as a service's secret. **Scope** is what an API key needs besides its maker's role; where there is none, no key reaches.
            **sync:read** opens every tracked table of the organisation: the feed, its events and mismatches carry whole rows, also of
            tables whose own endpoints ask for another scope. Give it to programs that may read all the organisation has; making any key
            takes an admin.


            """);
        foreach (var name in Repository.Services)
        {
            await using var service = await Start(name);
            text.Append($"## {name}\n\n| method | path | role | scope |\n|---|---|---|---|\n");
            foreach (var reach in service.Endpoints)
            {
                text.Append($"| {reach.Method} | {reach.Path} | {reach.Role} | {reach.Scope ?? "–"} |\n");
            }

            text.Append('\n');
        }

        var current = text.ToString().Replace("\r", "", StringComparison.Ordinal).TrimEnd() + "\n";
        if (Environment.GetEnvironmentVariable(WriteDocs) == "1")
        {
            await File.WriteAllTextAsync(Document, current);
        }

        (await File.ReadAllTextAsync(Document)).ShouldBe(current, $"docs/roles.md is stale; write it anew with {WriteDocs}=1");
    }

    private static Task<OfflineService> Start(string name) => OfflineService.Start(Repository.NameOf(name), Assembly.Load(name));

    private static async Task<HttpStatusCode> Send(OfflineService service, Reach reach, string token)
    {
        using var client = service.Client(token);
        using var request = new HttpRequestMessage(new HttpMethod(reach.Method), Parameter().Replace(reach.Path, match => match.Value.Contains(":int") || match.Value.Contains(":long") ? "1" : Guid.NewGuid().ToString()));
        using var response = await client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead);
        return response.StatusCode;
    }

    [GeneratedRegex(@"\{[^}]+\}")]
    private static partial Regex Parameter();
}
