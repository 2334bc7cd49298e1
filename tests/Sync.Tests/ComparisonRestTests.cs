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
}
