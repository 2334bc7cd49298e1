using OpsPlatform.Testing;

namespace OpsPlatform.Sync.Tests;

/// <summary>A service and a source of its own, because the source fails.</summary>
public sealed class ComparisonRestTests : IAsyncLifetime
{
    private readonly HealthFixture _fixture = new();

    public ValueTask InitializeAsync() => ((IAsyncLifetime)_fixture).InitializeAsync();

    public ValueTask DisposeAsync() => ((IAsyncDisposable)_fixture).DisposeAsync();

    [Fact]
    public async Task A_table_whose_digest_failed_is_not_compared_again_at_the_next_check()
    {
        _fixture.Source.RefusesDigests = true;
        _fixture.Source.Set(Guid.NewGuid(), "a", 1);
        await Eventually.Is(() => Task.FromResult(_fixture.Source.DigestsRefused > 0));
        var (states, refused) = (_fixture.Source.StatesAsked, _fixture.Source.DigestsRefused);
        await Eventually.Is(() => Task.FromResult(_fixture.Source.StatesAsked >= states + 3));
        _fixture.Source.DigestsRefused.ShouldBe(refused);
    }

    [Fact]
    public async Task A_table_whose_digest_failed_holds_no_other_back()
    {
        _fixture.Source.HasRecipes = true;
        _fixture.Source.RefusesDigests = true;
        _fixture.Source.Set(Guid.NewGuid(), "a", 1);
        await Eventually.Is(() => Task.FromResult(_fixture.Source.DigestsRefused > 0));
        var (compared, refused) = (_fixture.Source.RecipesCompared, _fixture.Source.DigestsRefused);
        _fixture.Source.Set(Guid.NewGuid(), "b", 1);
        await Eventually.Is(() => Task.FromResult(_fixture.Source.RecipesCompared > compared));
        _fixture.Source.DigestsRefused.ShouldBe(refused);
    }

    [Fact]
    public async Task A_service_that_is_away_is_named_without_its_address()
    {
        var org = Guid.NewGuid();
        var address = _fixture.Source.Address;
        await _fixture.Source.Stop();
        var health = await _fixture.Health(org, seen => seen.GetProperty("reasons").GetArrayLength() > 0);
        health.GetProperty("reasons")[0].GetString()!.ShouldEndWith("checks: It is away.");
        health.GetProperty("services")[0].GetProperty("problem").GetString().ShouldBe("It is away.");
        health.ToString().ShouldNotContain(address.Authority);
    }
}
