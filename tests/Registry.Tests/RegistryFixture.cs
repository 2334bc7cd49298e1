using OpsPlatform.Testing;

[assembly: AssemblyFixture(typeof(OpsPlatform.Registry.Tests.RegistryFixture))]

namespace OpsPlatform.Registry.Tests;

/// <summary>One running service for all tests; they keep apart by their own organisations.</summary>
public sealed class RegistryFixture() : ServiceFixture("registry", typeof(RegistryDb));
