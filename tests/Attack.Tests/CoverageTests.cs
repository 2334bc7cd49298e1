using OpsPlatform.Attack.Tests.Fixtures;

namespace OpsPlatform.Attack.Tests;

public sealed class CoverageTests(AttackSystem system)
{
    [Fact]
    public void Every_operation_of_every_service_has_a_fixture_and_every_fixture_its_operation()
    {
        system.Api.Document["x-unavailable"].ShouldBeNull();
        var missing = system.Api.Operations.Select(operation => operation.Key).Except(AllFixtures.Table.Operations).ToArray();
        missing.ShouldBeEmpty(string.Join('\n', missing.Select(FixtureTable.Missing)));
        AllFixtures.Table.Operations.Except(system.Api.Operations.Select(operation => operation.Key))
            .ShouldBeEmpty("these fixtures are of operations that no longer exist; take them out");
    }

    [Fact]
    public async Task Every_fixture_makes_a_request_that_its_owner_is_answered()
    {
        var world = await World.Found(system, "owner");
        List<string> refused = [];
        foreach (var operation in system.Api.Operations)
        {
            var call = await AllFixtures.Table.Make(operation.Key, world);
            var answer = await system.Send(call, operation.NeedsToken ? world.Owner.Token : null);
            if (!call.IsAnswered(answer))
            {
                refused.Add($"{operation}: {answer}");
            }
        }

        refused.ShouldBeEmpty();
    }
}
