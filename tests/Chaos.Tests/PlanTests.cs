using OpsPlatform.Chaos.Events;

namespace OpsPlatform.Chaos.Tests;

public sealed class PlanTests
{
    private const int Round = 12;

    [Fact]
    public void The_same_seed_brings_the_same_events_and_another_seed_others()
    {
        Plan.Of(With(7)).ShouldBe(Plan.Of(With(7)));
        Plan.Of(With(7)).ShouldNotBe(Plan.Of(With(8)));
    }

    [Fact]
    public void A_seed_means_the_same_events_wherever_and_whenever_it_runs() =>
        string.Join(", ", Plan.Of(With(7, events: 4)).Select(planned => $"{planned.Injury} {planned.Victim} {planned.Duration.TotalSeconds}"))
            .ShouldBe("Pause messaging 3, SlowConsumer sync-0 10.2, PauseSession analytics 6.6, Kill postgres 0");

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void Each_round_holds_every_injury_and_kills_every_kind_of_process(int seed)
    {
        foreach (var round in Plan.Of(With(seed, minutes: 12)).Chunk(Round).Where(round => round.Length == Round))
        {
            round.Select(planned => planned.Injury).Distinct().ShouldBe(Enum.GetValues<Injury>(), ignoreOrder: true);
        }

        var killed = Plan.Of(With(seed)).Where(planned => planned.Injury == Injury.Kill).Select(planned => planned.Victim).Take(4).ToList();
        foreach (var kind in new[] { Victims.Singles, Victims.Replicas, Victims.Gateways, Victims.Servers })
        {
            killed.Intersect(kind).ShouldHaveSingleItem();
        }
    }

    [Theory]
    [InlineData(1, 20)]
    [InlineData(5, 25)]
    [InlineData(30, 60)]
    public void There_are_20_events_at_least_and_they_fit_the_time(int minutes, int events)
    {
        var plan = Plan.Of(With(1, minutes));

        plan.Count.ShouldBe(events);
        plan.Select(planned => planned.Number).ShouldBe(Enumerable.Range(1, events));
        plan.Select(planned => planned.Due).ShouldBeInOrder();
        plan[^1].Due.ShouldBeLessThan(TimeSpan.FromMinutes(minutes));
    }

    [Fact]
    public void Only_who_is_hurt_for_a_while_has_a_duration_and_every_victim_fits_its_injury()
    {
        foreach (var planned in Plan.Of(With(3, minutes: 60)))
        {
            Victims.Of(planned.Injury).ShouldContain(planned.Victim);
            (planned.Duration > TimeSpan.Zero).ShouldBe(planned.Injury is Injury.Pause or Injury.PauseSession or Injury.SlowConsumer or Injury.FullQueue);
            planned.Duration.ShouldBeLessThanOrEqualTo(TimeSpan.FromSeconds(18));
        }
    }

    [Fact]
    public void In_a_soak_services_are_killed_in_the_first_quarter_only()
    {
        var kills = Plan.Of(With(1, minutes: 40)).Where(planned => planned.Injury == Injury.Kill).ToLookup(planned => planned.Due < TimeSpan.FromMinutes(10));

        kills[true].Select(planned => planned.Victim).Except(Victims.Servers).ShouldNotBeEmpty();
        kills[false].Select(planned => planned.Victim).Distinct().ShouldBe(Victims.Servers, ignoreOrder: true);
    }

    private static Options With(int seed, int minutes = 5, int? events = null) => new(seed, minutes, events, "");
}
