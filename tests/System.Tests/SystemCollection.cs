namespace OpsPlatform.System.Tests;

/// <summary>One system for all tests that do not need one of their own.</summary>
[CollectionDefinition(nameof(SystemCollection))]
public sealed class SystemCollection : ICollectionFixture<RunningSystem>;
