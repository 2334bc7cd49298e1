namespace OpsPlatform.Identity.Tests;

/// <summary>One running service for all tests that leave its clock alone.</summary>
[CollectionDefinition(Name)]
public sealed class IdentityCollection : ICollectionFixture<IdentityFixture>
{
    public const string Name = "identity";
}
