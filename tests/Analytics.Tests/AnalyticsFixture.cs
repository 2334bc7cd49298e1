using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using OpsPlatform.Testing;

[assembly: AssemblyFixture(typeof(OpsPlatform.Analytics.Tests.AnalyticsFixture))]

namespace OpsPlatform.Analytics.Tests;

/// <summary>One running service for all tests; they keep apart by their own organisations.</summary>
public sealed class AnalyticsFixture : ServiceFixture
{
    public AnalyticsFixture()
        : base("analytics", typeof(AnalyticsDb)) => Owners = new(() => Tokens.Address);

    /// <summary>Orders, Inventory and Identity, as far as a rebuild asks them.</summary>
    public OwnersStandIn Owners { get; }

    protected override IEnumerable<(string Key, string Value)> Settings =>
    [
        ("services:identity:http:0", Owners.Address.ToString()),
        ("services:orders:http:0", Owners.Address.ToString()),
        ("services:inventory:http:0", Owners.Address.ToString()),
        ("Analytics:RebuildPatience", "00:00:02"),
    ];

    /// <summary>A new organisation of a bakery in London whose day starts at four.</summary>
    public Task<Bakery> Bakery(string zone = "Europe/London", string dayStartsAt = "04:00") => Tests.Bakery.Open(this, zone, dayStartsAt);
}

/// <summary>A second instance of the service on the first one's database and broker.</summary>
public sealed class Replica(AnalyticsFixture first) : ServiceFixture("analytics", typeof(AnalyticsDb))
{
    protected override IEnumerable<(string Key, string Value)> Settings =>
    [
        .. ((string[])["ConnectionStrings:analyticsdb", "ConnectionStrings:messaging", "services:identity:http:0", "services:orders:http:0", "services:inventory:http:0", "Analytics:RebuildPatience"])
            .Select(key => (key, first.Services.GetRequiredService<IConfiguration>()[key]!)),
    ];
}
