using Microsoft.EntityFrameworkCore;
using OpsPlatform.Identity.ApiKeys;
using OpsPlatform.Identity.Audit;
using OpsPlatform.Identity.Invitations;
using OpsPlatform.Identity.Keys;
using OpsPlatform.Identity.Members;
using OpsPlatform.Identity.Organisations;
using OpsPlatform.Identity.Sessions;
using OpsPlatform.Identity.Users;
using OpsPlatform.ServiceDefaults.Database;

namespace OpsPlatform.Identity;

internal sealed class IdentityDb(DbContextOptions<IdentityDb> options) : ServiceDb(options)
{
    public DbSet<User> Users => Set<User>();

    public DbSet<Organisation> Organisations => Set<Organisation>();

    public DbSet<Membership> Memberships => Set<Membership>();

    public DbSet<Invitation> Invitations => Set<Invitation>();

    public DbSet<RefreshToken> RefreshTokens => Set<RefreshToken>();

    public DbSet<OpenSession> Sessions => Set<OpenSession>();

    public DbSet<AuditEntry> AuditEntries => Set<AuditEntry>();

    public DbSet<ApiKey> ApiKeys => Set<ApiKey>();

    public DbSet<ApiKeyUse> ApiKeyUses => Set<ApiKeyUse>();

    public DbSet<SigningKey> SigningKeys => Set<SigningKey>();

    protected override void OnModelCreating(ModelBuilder modelBuilder)
    {
        base.OnModelCreating(modelBuilder);

        modelBuilder.Entity<User>(user =>
        {
            user.Property(x => x.ConcurrencyStamp).IsConcurrencyToken();
            user.Ignore(x => x.EmailConfirmed);
            user.Ignore(x => x.PhoneNumber);
            user.Ignore(x => x.PhoneNumberConfirmed);
            user.Ignore(x => x.TwoFactorEnabled);
            user.Ignore(x => x.LockoutEnabled);
        });

        modelBuilder.Entity<Organisation>(organisation =>
        {
            organisation.HasKey(x => new { x.OrgId, x.Id });
            organisation.Property(x => x.RowVersion).IsRowVersionColumn();
        });

        modelBuilder.Entity<Membership>(membership =>
        {
            membership.HasKey(x => new { x.OrgId, x.Id });
            membership.Property(x => x.RowVersion).IsRowVersionColumn();
        });

        modelBuilder.Entity<ApiKey>(key =>
        {
            key.HasKey(x => new { x.OrgId, x.Id });
            key.Property(x => x.RowVersion).IsRowVersionColumn();
        });
        modelBuilder.Entity<ApiKeyUse>().HasKey(x => new { x.OrgId, x.Id });
        modelBuilder.Entity<Invitation>().HasKey(x => new { x.OrgId, x.Id });
    }
}
