using OpsPlatform.Testing;

[assembly: AssemblyFixture(typeof(OpsPlatform.Analytics.Tests.AnalyticsFixture))]

namespace OpsPlatform.Analytics.Tests;

/// <summary>One running service for all tests; they keep apart by their own organisations.</summary>
public sealed class AnalyticsFixture() : ServiceFixture("analytics", typeof(AnalyticsDb));
